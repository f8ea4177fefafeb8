"""Loads the demo reseller: the simulator's first partner becomes a reseller of the platform, with its credentials."""

from dataclasses import dataclass
from typing import Any

import httpx

from csp_contracts.ids import Kind, named_id
from csp_partner_center.client import PartnerCenter
from csp_partner_center.credentials import ClientSecret, Credentials, CredentialsUnknown
from csp_partner_center.secrets import Secret
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.scope import Role

CLOSE_DAY = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReseller:
    """The reseller that development works with."""

    reseller_id: str
    name: str
    currency: str
    microsoft_tenant_id: str


async def demo_partner(simulator_url: str, http: httpx.AsyncClient) -> dict[str, Any]:
    """The simulator's first partner that can sell directly."""
    partners: list[dict[str, Any]] = (
        (await http.get(f"{simulator_url}/_control/partners")).raise_for_status().json()
    )
    return partners[0]


async def load_demo_reseller(
    simulator_url: str,
    http: httpx.AsyncClient,
    client: PartnerCenter,
    issuer: DevelopmentIssuer,
    provisioning: httpx.AsyncClient,
) -> DemoReseller:
    """Save the partner's credentials and register it; safe to repeat at every start."""
    partner = await demo_partner(simulator_url, http)
    reseller_id = named_id(Kind.RESELLER, "platform", partner["tenant_id"])
    try:
        await client.credentials.load(reseller_id)
    except CredentialsUnknown:
        await client.save_credentials(
            Credentials(
                reseller_id=reseller_id,
                microsoft_tenant_id=partner["tenant_id"],
                client_id=partner["client_id"],
                proof=ClientSecret(secret=Secret(partner["client_secret"])),
                refresh_token=Secret(partner["refresh_token"]),
            )
        )
    token = issuer.issue(reseller=reseller_id, role=Role.SERVICE, actor="service:bootstrap")
    answer = await provisioning.post(
        "/internal/v1/resellers",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"demo-{partner['tenant_id']}"},
        json={
            "name": partner["name"],
            "country": partner["country"],
            "currency": partner["currency"],
            "microsoft_tenant_id": partner["tenant_id"],
            "close_day": CLOSE_DAY,
        },
    )
    answer.raise_for_status()
    return DemoReseller(
        reseller_id=reseller_id,
        name=partner["name"],
        currency=partner["currency"],
        microsoft_tenant_id=partner["tenant_id"],
    )


async def has_catalogue(
    reseller: DemoReseller, issuer: DevelopmentIssuer, pricing: httpx.AsyncClient
) -> bool:
    """Whether the demo reseller can already sell something."""
    token = issuer.issue(reseller=reseller.reseller_id, role=Role.SERVICE, actor="service:bootstrap")
    try:
        answer = await pricing.get(
            "/internal/v1/choices/category", headers={"Authorization": f"Bearer {token}"}
        )
    except httpx.TransportError:
        return False
    return answer.is_success and bool(answer.json())
