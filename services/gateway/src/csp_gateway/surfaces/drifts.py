"""The drift inbox: lasting differences between us and Microsoft, who decides of them, and what is decided without asking."""

from typing import Any

from fastapi import APIRouter, Request, Response

from csp_commerce_rules.money import format_decimal, minor_digits
from csp_gateway.models.base import ListOf
from csp_gateway.models.drifts import Drift, DriftDecided, DriftDecision, DriftPolicy, DriftPolicyShown
from csp_gateway.surfaces import standard
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.common import RESELLER, ResellerReading, ResellerScope, UseCaller, UseParts
from csp_gateway.surfaces.documented import problems
from csp_gateway.surfaces.filters import equal
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_owned, answer_whole

OWNER = "partner-feed"
DRIFTS = Listing((equal("state", choices=("open", "decided")),), model=Drift, is_compared_here=True)
POLICIES = Listing(model=DriftPolicyShown, is_compared_here=True)


def routes() -> APIRouter:
    """The reseller's routes."""
    router = APIRouter(tags=["synchronisation"])

    @router.get(
        "/drifts",
        responses=problems(),
        operation_id="list_drifts",
        openapi_extra=DRIFTS.documented,
        response_model=ListOf[Drift],
    )
    async def drifts(request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """What waits for a decision, oldest first; with `filter[state]=decided` what was decided, newest first."""
        return await answer_owned(
            request, read.parts, caller, DRIFTS, OWNER, "/drifts", show=_drift, key="drift_id"
        )

    add_change(
        router,
        RESELLER,
        "/drifts/{drift_id}/decision",
        owner=OWNER,
        operation_id="decide_drift",
        description="Decide once: take Microsoft's side, ours, or leave things as they are. What is decided cannot be decided again (404).",
        body=DriftDecision,
        model=DriftDecided,
        show_by_id=lambda found, ids: {"id": ids["drift_id"], "side": found["side"]},
        failures=(400, 404),
    )

    @router.get(
        "/drift-policies",
        responses=problems(),
        operation_id="list_drift_policies",
        openapi_extra=POLICIES.documented,
        response_model=ListOf[DriftPolicyShown],
    )
    async def policies(request: Request, caller: UseCaller, read: ResellerReading) -> Response:
        """Whose side is taken without asking."""
        found = await read.parts.owners.get(OWNER, "/drift-policies", caller)
        return answer_whole(
            request,
            read.parts,
            POLICIES,
            found,
            lambda each: f"{each['tenant_id'] or ''}/{each['field'] or ''}",
        )

    @router.put("/drift-policies", responses=problems(404), operation_id="set_drift_policy")
    async def set_policy(
        body: DriftPolicy, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> DriftPolicy:
        """Set or replace one; it holds for differences found from now on. `ask` for everything removes the general one."""
        del scope  # checked here, used by the feed
        await parts.owners.put(OWNER, "/drift-policies", caller, body.model_dump())
        return body

    return router


def _drift(found: dict[str, Any]) -> dict[str, Any]:
    minor, currency = found["money_minor"], found["currency"]
    effect = None
    if minor is not None and currency is not None:
        effect = {"amount": format_decimal(minor, minor_digits(currency)), "currency": currency}
    fields = {name: found[name] for name in Drift.model_fields if name in found}
    return standard.drift(RESELLER, {"id": found["drift_id"], **fields, "monthly_effect": effect})
