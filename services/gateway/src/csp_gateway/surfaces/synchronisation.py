"""How fresh the data from Microsoft is, and a refresh on demand; the feed's own figures, handed on."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query

from csp_commerce_rules.money import format_decimal, minor_digits
from csp_gateway.domain import money
from csp_gateway.models.base import Money
from csp_gateway.models.drifts import Drift, DriftDecided, DriftDecision, DriftPolicy, DriftPolicyShown
from csp_gateway.models.synchronisation import Refresh, Refreshing, SyncStatus, Unallocated
from csp_gateway.surfaces.common import ResellerScope, UseCaller, UseParts, problems

_ID = r"^[A-Za-z0-9_-]+$"


def _drift(found: dict[str, Any]) -> Drift:
    minor, currency = found.pop("money_minor"), found.pop("currency")
    effect = None
    if minor is not None and currency is not None:
        effect = Money(amount=format_decimal(minor, minor_digits(currency)), currency=currency)
    return Drift.model_validate({**found, "monthly_effect": effect})


def _unallocated(row: dict[str, Any]) -> Unallocated:
    micro, currency = row.pop("monthly_cost_micro"), row.pop("currency")
    return Unallocated.model_validate({**row, "monthly_cost": money(micro, currency)})


def routes() -> APIRouter:
    """The reseller's routes."""
    router = APIRouter(tags=["synchronisation"])

    @router.get("/sync/status", responses=problems(404), operation_id="get_sync_status")
    async def status(
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        tenant_id: Annotated[str | None, Query(max_length=100)] = None,
    ) -> SyncStatus:
        """How fresh each channel is, and how far the first import has come."""
        del scope  # checked here, used by the feed
        found = await parts.owners.get("partner-feed", "/sync/status", caller, tenant_id=tenant_id)
        return SyncStatus.model_validate(found)

    @router.post("/sync/refresh", status_code=202, responses=problems(404), operation_id="refresh")
    async def refresh(body: Refresh, scope: ResellerScope, caller: UseCaller, parts: UseParts) -> Refreshing:
        """Read one tenant (or all) from Microsoft now. Changes nothing by itself, so it needs no Idempotency-Key."""
        del scope  # checked here, used by the feed
        found = await parts.owners.ask("partner-feed", "/refreshes", caller, body.model_dump())
        return Refreshing.model_validate(found)

    @router.get("/drifts", responses=problems(), operation_id="list_drifts")
    async def drifts(
        scope: ResellerScope,
        caller: UseCaller,
        parts: UseParts,
        state: Annotated[Literal["open", "decided"], Query()] = "open",
        after: Annotated[
            str | None, Query(max_length=100, pattern=_ID, description="id that ended the page before")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> list[Drift]:
        """What waits for a decision, oldest first, or what was decided, newest first."""
        del scope  # checked here, used by the feed
        found = await parts.owners.get(
            "partner-feed", "/drifts", caller, state=state, after=after, limit=limit
        )
        return [_drift(each) for each in found]

    @router.get("/drift-policies", responses=problems(), operation_id="list_drift_policies")
    async def policies(scope: ResellerScope, caller: UseCaller, parts: UseParts) -> list[DriftPolicyShown]:
        """Whose side is taken without asking."""
        del scope  # checked here, used by the feed
        found = await parts.owners.get("partner-feed", "/drift-policies", caller)
        return [DriftPolicyShown.model_validate(each) for each in found]

    @router.put("/drift-policies", responses=problems(404), operation_id="set_drift_policy")
    async def set_policy(
        body: DriftPolicy, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> DriftPolicy:
        """Set or replace one; it holds for differences found from now on. `ask` for everything removes the general one."""
        del scope  # checked here, used by the feed
        await parts.owners.put("partner-feed", "/drift-policies", caller, body.model_dump())
        return body

    @router.get("/unallocated", responses=problems(), operation_id="list_unallocated")
    async def unallocated(
        scope: ResellerScope,
        parts: UseParts,
        after: Annotated[
            str | None, Query(max_length=100, pattern=_ID, description="tenant that ended the page before")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> list[Unallocated]:
        """Discovered tenants that nobody is billed for, with what they cost."""
        return [_unallocated(row) for row in await parts.screens.unallocated(scope, after, limit)]

    @router.post("/drifts/{drift_id}/decision", responses=problems(404), operation_id="decide_drift")
    async def decide(
        drift_id: str, body: DriftDecision, scope: ResellerScope, caller: UseCaller, parts: UseParts
    ) -> DriftDecided:
        """Decide once; deciding again answers 404, so it needs no Idempotency-Key."""
        del scope  # checked here, used by the feed
        path = f"/drifts/{quote(drift_id, safe='')}/decision"
        found = await parts.owners.ask("partner-feed", path, caller, body.model_dump())
        return DriftDecided(drift_id=drift_id, side=found["side"])

    return router
