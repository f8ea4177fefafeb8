"""All operations of Microsoft's surfaces."""

from csp_partner_center_simulator.graph import billing as graph_billing
from csp_partner_center_simulator.graph import notifications as graph_notifications
from csp_partner_center_simulator.graph import relationships as graph_relationships
from csp_partner_center_simulator.graph import users as graph_users
from csp_partner_center_simulator.partner_center import (
    audit,
    carts,
    consents,
    conversions,
    customers,
    fulfilment,
    insights,
    invoices,
    licenses,
    migrations,
    offers,
    onboarding,
    ordering,
    orders,
    partner_profiles,
    pricesheets,
    products,
    promotions,
    roles,
    service_requests,
    subscriptions,
    transfers,
    transitions,
    usage,
    users,
    webhooks,
)
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.router import Route


def _sign_in(call: Call) -> Answer:
    """Sign-in is answered before there is a caller (wire.app)."""
    raise LookupError(call.operation)


_TOKENS = (
    Route(method="POST", path="/{tenant}/oauth2/token", operation="auth.token", handler=_sign_in),
    Route(method="POST", path="/{tenant}/oauth2/v2.0/token", operation="auth.token", handler=_sign_in),
    Route(method="GET", path="/{tenant}/oauth2/authorize", operation="auth.authorize", handler=_sign_in),
    Route(method="GET", path="/{tenant}/oauth2/v2.0/authorize", operation="auth.authorize", handler=_sign_in),
    Route(
        method="GET",
        path="/{tenant}/.well-known/openid-configuration",
        operation="auth.configuration",
        handler=_sign_in,
    ),
    Route(
        method="GET",
        path="/{tenant}/v2.0/.well-known/openid-configuration",
        operation="auth.configuration",
        handler=_sign_in,
    ),
    Route(method="GET", path="/{tenant}/discovery/keys", operation="auth.keys", handler=_sign_in),
    Route(method="GET", path="/{tenant}/discovery/v2.0/keys", operation="auth.keys", handler=_sign_in),
)

ROUTES: tuple[Route, ...] = (
    *_TOKENS,
    *customers.ROUTES,
    *onboarding.ROUTES,
    *products.ROUTES,
    *offers.ROUTES,
    *carts.ROUTES,
    *orders.ROUTES,
    *ordering.ROUTES,
    *subscriptions.ROUTES,
    *users.ROUTES,
    *licenses.ROUTES,
    *roles.ROUTES,
    *audit.ROUTES,
    *webhooks.ROUTES,
    *invoices.ROUTES,
    *promotions.ROUTES,
    *pricesheets.ROUTES,
    *transitions.ROUTES,
    *conversions.ROUTES,
    *migrations.ROUTES,
    *transfers.ROUTES,
    *consents.ROUTES,
    *partner_profiles.ROUTES,
    *service_requests.ROUTES,
    *usage.ROUTES,
    *fulfilment.ROUTES,
    *insights.ROUTES,
    *graph_users.ROUTES,
    *graph_notifications.ROUTES,
    *graph_billing.ROUTES,
    *graph_relationships.ROUTES,
)
