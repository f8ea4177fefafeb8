"""All operations of Microsoft's surfaces."""

from csp_partner_center_simulator.graph import billing as graph_billing
from csp_partner_center_simulator.graph import deleted_users as graph_deleted_users
from csp_partner_center_simulator.graph import licenses as graph_licenses
from csp_partner_center_simulator.graph import notifications as graph_notifications
from csp_partner_center_simulator.graph import organization as graph_organization
from csp_partner_center_simulator.graph import relationships as graph_relationships
from csp_partner_center_simulator.graph import users as graph_users
from csp_partner_center_simulator.partner_center import (
    agreements,
    audit,
    carts,
    consents,
    conversions,
    customer_profiles,
    customer_relations,
    customers,
    fulfilment,
    insights,
    invoice_lines,
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
    qualifications,
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
    *customer_profiles.ROUTES,
    *customer_relations.ROUTES,
    *onboarding.ROUTES,
    *agreements.ROUTES,
    *qualifications.ROUTES,
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
    *invoice_lines.ROUTES,
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
    *graph_deleted_users.ROUTES,
    *graph_licenses.ROUTES,
    *graph_notifications.ROUTES,
    *graph_organization.ROUTES,
    *graph_billing.ROUTES,
    *graph_relationships.ROUTES,
)
