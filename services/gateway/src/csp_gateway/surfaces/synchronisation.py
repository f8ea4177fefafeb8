"""How fresh the data from Microsoft is, and a refresh on demand; the feed's own figures, handed on."""

from datetime import datetime
from typing import Annotated

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

    return router
