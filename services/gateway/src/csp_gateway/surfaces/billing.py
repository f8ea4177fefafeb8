"""Billing reports: billing's own read models, forwarded; the customer's surface asks for the sales ledger alone."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime

from csp_gateway.surfaces.common import (
    WAITS,
    Reading,
    ResellerScope,
    Surface,
    UseCaller,
    UseParts,
    problems,
)
from csp_runtime.http import AnyCommand


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["billing"])
    reads = Depends(surface.reading)

    @router.get(
        "/billing-reports",
        responses=problems(404),
        operation_id="list_billing_reports",
        openapi_extra=WAITS,
    )
    async def reports(
        caller: UseCaller,
        read: Reading = reads,
        from_on: Annotated[date | None, Query(alias="from")] = None,
        until_on: Annotated[date | None, Query(alias="until")] = None,
        customer_id: str | None = None,
    ) -> list[dict[str, Any]]:
        """One report per report cycle whose date lies in the range; without a range, those of last month and the open one."""
        found: list[dict[str, Any]] = await read.parts.owners.get(
            "billing",
            "/reports",
            caller,
            from_on=from_on,
            until_on=until_on,
            customer_id=read.scope.customer or customer_id,
        )
        return found

    @router.get(
        "/billing-reports/{report_id}",
        responses=problems(404),
        operation_id="get_billing_report",
        openapi_extra=WAITS,
    )
    async def report(
        report_id: str,
        caller: UseCaller,
        read: Reading = reads,
        as_of: AwareDatetime | None = None,
    ) -> dict[str, Any]:
        """A report: date, subscription, lines; each line says why. With `as_of` as it was known at that moment."""
        found: dict[str, Any] = await read.parts.owners.get(
            "billing", f"/reports/{report_id}", caller, as_of=None if as_of is None else as_of.isoformat()
        )
        return found

    @router.get(
        "/billing-reports/{report_id}/export",
        responses={
            200: {
                "content": {
                    "text/csv": {},
                    "application/jsonl": {},
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {},
                }
            },
            **problems(404),
        },
        operation_id="export_billing_report",
        openapi_extra=WAITS,
        response_class=Response,
    )
    async def export(
        report_id: str,
        caller: UseCaller,
        read: Reading = reads,
        format_: Annotated[Literal["csv", "xlsx", "jsonl"], Query(alias="format")] = "csv",
    ) -> Response:
        """All details of a report as a file."""
        answer = await read.parts.owners.get_bytes(
            "billing", f"/reports/{report_id}/export", caller, format=format_
        )
        return Response(
            answer.content,
            media_type=answer.headers.get("content-type", "application/octet-stream"),
            headers={"Content-Disposition": answer.headers.get("content-disposition", "attachment")},
        )

    if surface.with_cost:

        @router.post(
            "/billing-reports/{report_id}/issue",
            responses=problems(400, 404, 409),
            operation_id="issue_billing_report",
        )
        async def issue(
            report_id: str,
            command: AnyCommand,
            caller: UseCaller,
            parts: UseParts,
            scope: ResellerScope,
        ) -> dict[str, Any]:
            """Make a report final: numbered, hashed, unchanged for good. What is learnt later goes into the next one."""
            found: dict[str, Any] = await parts.owners.command(
                "billing", f"/reports/{report_id}/issue", caller, command, {}
            )
            return found

        @router.post(
            "/billing-reports/{report_id}/hold",
            responses=problems(400, 404, 409),
            operation_id="hold_billing_report",
        )
        async def hold(
            report_id: str,
            command: AnyCommand,
            caller: UseCaller,
            parts: UseParts,
            scope: ResellerScope,
        ) -> dict[str, Any]:
            """Let the cycle close without a report that is `blocked`, in your name; `X-Reason` says why."""
            found: dict[str, Any] = await parts.owners.command(
                "billing", f"/reports/{report_id}/hold", caller, command, {}
            )
            return found

    return router
