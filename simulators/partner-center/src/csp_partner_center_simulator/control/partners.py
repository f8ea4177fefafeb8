"""Health, partners, tokens and acts."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from csp_partner_center_simulator.auth.tokens import GRAPH, PARTNER_CENTER, RETIRED
from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.catalogue.prices import RATES
from csp_partner_center_simulator.control.act import Act
from csp_partner_center_simulator.control.acting import perform
from csp_partner_center_simulator.control.models import ActBody, NewPartner, TokenWish
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.call import related_customer
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.world import partners as making

if TYPE_CHECKING:
    from csp_partner_center_simulator.simulator import Simulator

AUDIENCES = {"partner_center": PARTNER_CENTER, "graph": GRAPH, "retired": RETIRED}


def router(simulator: "Simulator") -> APIRouter:
    """Build the routes."""
    routes = APIRouter()
    world = simulator.world

    def told(partner: Partner) -> dict[str, Any]:
        return {
            "tenant_id": partner.id,
            "name": partner.name,
            "kind": partner.kind,
            "country": partner.country,
            "currency": partner.currency,
            "mpn_id": partner.mpn_id,
            "client_id": partner.client_id,
            "client_secret": partner.client_secret,
            "refresh_token": partner.refresh_token,
            "billing_day": partner.billing_day,
            "customers": len(world.customers.by("partner", partner.id)),
            "resellers": [{"mpn_id": one.mpn_id, "name": one.name} for one in partner.resellers],
        }

    def find(tenant_id: str) -> Partner:
        partner = world.partners.get(tenant_id)
        if partner is None:
            raise ApiError(404, 404, f"tenant_id: there is no partner {tenant_id[:64]}.")
        return partner

    @routes.get("/health")
    async def health() -> dict[str, Any]:
        return {
            "status": "ready",
            "now": instant(world.now),
            "profile": world.profile.latency,
            "world": world.name,
        }

    @routes.get("/partners")
    async def partners() -> list[dict[str, Any]]:
        return [told(partner) for partner in world.partners]

    @routes.post("/partners", status_code=201)
    async def new_partner(wish: NewPartner) -> dict[str, Any]:
        if find_country(wish.country) is None:
            raise invalid(f"country: {wish.country} is not a market.")
        if wish.currency and wish.currency.upper() not in RATES:
            raise invalid(f"currency: must be one of {', '.join(RATES)}.")
        with world.transaction():
            partner = making.make(
                world,
                wish.name,
                wish.country,
                currency=wish.currency,
                kind=wish.kind,
                billing_day=wish.billing_day,
            )
        return told(partner)

    @routes.post("/tokens")
    async def token(wish: TokenWish) -> dict[str, Any]:
        partner = find(wish.tenant_id)
        tenant_id = partner.id
        if wish.customer_id is not None:
            tenant_id = related_customer(world, partner, wish.customer_id).id
        lifetime = timedelta(seconds=wish.lifetime_seconds)
        with world.transaction():
            access = simulator.issuer.issue(
                world,
                partner,
                kind=wish.kind,
                audience=AUDIENCES[wish.audience],
                tenant_id=tenant_id,
                lifetime=lifetime,
                roles=tuple(wish.roles),
                mfa=wish.mfa,
            )
        return {"access_token": access, "expires_at": instant(world.now + lifetime)}

    @routes.get("/customers")
    async def customers(tenant_id: str | None = None) -> list[dict[str, Any]]:
        found = world.customers.by("partner", tenant_id) if tenant_id else list(world.customers)
        return [
            {
                "customer_id": one.id,
                "company_name": one.company_name,
                "domain": one.domain,
                "country": one.country,
                "partners": [relation.partner_id for relation in one.relations],
                "subscriptions": [
                    {
                        "subscription_id": sub.id,
                        "offer_name": sub.offer_name,
                        "commerce": sub.commerce,
                        "quantity": sub.quantity,
                        "status": sub.status,
                    }
                    for sub in world.subscriptions.by("customer", one.id)
                ],
                "users": len(world.users.by("customer", one.id)),
            }
            for one in found[:1000]
        ]

    @routes.post("/act")
    async def act(body: ActBody) -> dict[str, Any]:
        return perform(
            Act(
                world=world,
                as_=body.as_,
                partner=find(body.tenant_id),
                customer_id=body.customer_id or "",
                arguments=body.model_extra or {},
            ),
            body.action,
        )

    return routes
