"""How fresh the data from Microsoft is, a refresh on demand, and tenants that nobody is billed for."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csp_gateway.adapters.paging import trail_of
from csp_gateway.domain import money
from csp_gateway.models.base import ListOf
from csp_gateway.models.synchronisation import Refresh, Refreshing, SyncStatus, Unallocated
from csp_gateway.surfaces.common import ResellerReading, ResellerScope, UseCaller, UseParts
from csp_gateway.surfaces.documented import problems
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_list, filled

UNALLOCATED = Listing(model=Unallocated, is_compared_here=True)


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
        return SyncStatus.model_validate({**found, "stands_still": list(parts.health.stands_still)})

    @router.post("/sync/refresh", status_code=202, responses=problems(404), operation_id="refresh")
    async def refresh(body: Refresh, scope: ResellerScope, caller: UseCaller, parts: UseParts) -> Refreshing:
        """Read one tenant (or all) from Microsoft now. Changes nothing by itself, so it needs no Idempotency-Key."""
        del scope  # checked here, used by the feed
        found = await parts.owners.ask("partner-feed", "/refreshes", caller, body.model_dump())
        return Refreshing.model_validate(found)

    @router.get(
        "/unallocated",
        responses=problems(),
        operation_id="list_unallocated",
        openapi_extra=UNALLOCATED.documented,
        response_model=ListOf[Unallocated],
    )
    async def unallocated(request: Request, read: ResellerReading) -> Response:
        """Discovered tenants that nobody is billed for, with what they cost; one row for each currency of a tenant."""
        asked = UNALLOCATED.asked(request)
        trail = trail_of(asked.page.after, asked.identity, 2)

        async def piece(after: list[Any] | None) -> tuple[list[dict[str, Any]], bool]:
            behind = None if after is None else [str(each) for each in after]
            rows = await read.parts.screens.unallocated(read.scope, behind, asked.page.size + 1)
            return rows[: asked.page.size], len(rows) > asked.page.size

        page, following = await filled(
            asked, piece, trail.here, lambda row: [row["tenant_id"], row["currency"]], _unallocated
        )
        around = trail.around(following, asked.identity)
        return answer_list(request, read.parts, asked, map(UNALLOCATED.text, page), around)

    return router


def _unallocated(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in Unallocated.model_fields if name in row},
        "monthly_cost": money(row["monthly_cost_micro"], row["currency"]),
    }
