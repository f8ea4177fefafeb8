"""How fresh the data from Microsoft is, and a refresh on demand; the feed's own figures, handed on."""

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import Field

from csp_commerce_rules.money import format_decimal, minor_digits
from csp_gateway.domain import money
from csp_gateway.models import Body, Money, View
from csp_gateway.surfaces.common import ResellerScope, UseCaller, UseParts, problems

_ID = r"^[A-Za-z0-9_-]+$"


class ChannelFreshness(View):
    """One channel of one tenant, or of the reseller as a whole (`tenant_id` null)."""

    channel: str = Field(
        description="webhook, audit, graph_delta, comparison, first_sync, refresh, licences, customers or registration"
    )
    tenant_id: str | None
    succeeded_at: datetime | None = Field(description="when the last successful look began")
    failed_at: datetime | None
    fault: str | None = Field(description="code of the last failure; null since the channel worked again")
    age_seconds: float | None


class FirstSynchronisation(View):
    """The import of the reseller's existing book."""

    started_at: datetime
    finished_at: datetime | None
    is_listed: bool = Field(description="whether all customers are known; `customers` is final then")
    customers: int
    done: int
    customers_a_minute: float | None
    remaining_seconds: float | None


class SyncStatus(View):
    """How fresh the data from Microsoft is."""

    now: datetime
    customers: int
    pending_reads: int = Field(description="resources that wait to be read")
    first_synchronisation: FirstSynchronisation | None
    channels: list[ChannelFreshness] = Field(
        description="the reseller's channels and the failing ones of tenants; all of one tenant where it is named"
    )


class Refresh(Body):
    """Which tenant to read in full; absent: all of them."""

    tenant_id: str | None = Field(None, max_length=100)


class Refreshing(View):
    """What was begun."""

    customers: int = Field(description="how many customers will be read")


class Drift(View):
    """A difference between us and Microsoft that lasts."""

    drift_id: str
    tenant_id: str
    resource: str
    resource_id: str
    fields: dict[str, list[str | None]] = Field(description="field to [ours, Microsoft's]")
    monthly_effect: Money | None = Field(
        description="what Microsoft's side is more (or less) a month at the sales price; null without a price"
    )
    suggested_side: str
    found_at: datetime
    age_seconds: float = Field(description="until now, or until it was decided")
    resolved_at: datetime | None
    side: str | None = Field(description="`microsoft`, `ours` or `ignore`")
    policy: str | None = Field(
        description="what decided instead of a person; `converged`: it vanished by itself"
    )
    decided_by: str | None
    reason: str | None
    is_pending: bool = Field(description="our side was chosen, and Microsoft does not show it yet")
    fault: str | None = Field(description="code with which our side was refused")


class DriftDecision(Body):
    """Take Microsoft's side, ours (Microsoft's is recorded first, then a command brings it back), or leave things as they are."""

    side: Literal["microsoft", "ours", "ignore"]
    reason: str = Field(min_length=1, max_length=500)


class DriftDecided(View):
    """What was decided."""

    drift_id: str
    side: str


class DriftPolicy(Body):
    """Whose side is taken without asking. The most particular one holds: tenant and field, tenant, field, all."""

    tenant_id: str | None = Field(None, max_length=100, description="absent: every tenant")
    field: Literal["status", "quantity", "auto_renew"] | None = Field(None, description="absent: every field")
    side: Literal["microsoft", "ours", "ask"]
    reason: str = Field(min_length=1, max_length=500)


class DriftPolicyShown(View):
    """A policy, and who set it."""

    tenant_id: str | None
    field: str | None
    side: str
    set_by: str
    set_at: datetime
    reason: str


class Unallocated(View):
    """A discovered tenant that belongs to no customer of yours: what it costs is billed to nobody."""

    tenant_id: str
    customer_id: str = Field(description="its own organisation; its subscriptions are listed under it")
    domain: str
    company_name: str
    discovered_at: datetime
    subscriptions: int = Field(description="those that Microsoft charges for")
    seats: int
    monthly_cost: Money | None = Field(description="at the locked cost prices; null where none is known")
    without_cost: int = Field(
        description="subscriptions among them whose cost is not known, and not in the sum"
    )


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
