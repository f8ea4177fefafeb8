"""How fresh the data from Microsoft is, and a refresh on demand; the feed's own figures, handed on."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import Field

from csp_gateway.models import Body, View
from csp_gateway.surfaces.common import ResellerScope, UseCaller, UseParts, problems


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
    suggested_side: str
    found_at: datetime
    age_seconds: float


class DriftDecision(Body):
    """Take Microsoft's side, or leave things as they are. Our own side is enforced by a command on the resource."""

    side: Literal["microsoft", "ignore"]
    reason: str = Field(min_length=1, max_length=500)


class DriftDecided(View):
    """What was decided."""

    drift_id: str
    side: str


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
    async def drifts(scope: ResellerScope, caller: UseCaller, parts: UseParts) -> list[Drift]:
        """What waits for a decision, oldest first."""
        del scope  # checked here, used by the feed
        found = await parts.owners.get("partner-feed", "/drifts", caller)
        return [Drift.model_validate(each) for each in found]

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
