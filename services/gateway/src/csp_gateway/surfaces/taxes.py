"""Tax and credit notes of issued reports on both surfaces; the rates of customers on the reseller's."""

from datetime import date
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from csp_gateway.surfaces.common import (
    WAITS,
    Reading,
    ResellerReading,
    ResellerScope,
    Surface,
    UseCaller,
    UseParts,
    problems,
)
from csp_runtime.http import AnyCommand


class TaxRate(BaseModel):
    """A rate in percent from a UTC day on; `0` where there is no tax."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    percent: str = Field(pattern=r"^\d{1,3}(\.\d{1,2})?$")
    effective_on: date


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface."""
    router = APIRouter(tags=["billing"])
    reads = Depends(surface.reading)

    @router.get(
        "/billing-reports/{report_id}/taxes",
        responses=problems(404),
        operation_id="get_billing_report_taxes",
        openapi_extra=WAITS,
    )
    async def taxes(
        report_id: str, caller: UseCaller, read: Reading = reads, *, lines: bool = False
    ) -> dict[str, Any]:
        """The tax of an issued report: by rate on the sum of its lines, rounded once; with `lines` spread on them."""
        found: dict[str, Any] = await read.parts.owners.get(
            "billing", f"/reports/{report_id}/taxes", caller, lines="true" if lines else None
        )
        return found

    @router.get(
        "/billing-reports/{report_id}/credit-note",
        responses=problems(404),
        operation_id="get_billing_credit_note",
        openapi_extra=WAITS,
    )
    async def credit_note(report_id: str, caller: UseCaller, read: Reading = reads) -> dict[str, Any]:
        """The negative lines of an issued report with what each gives back, where the reseller issues credit notes."""
        found: dict[str, Any] = await read.parts.owners.get(
            "billing", f"/reports/{report_id}/credit-note", caller
        )
        return found

    if surface.with_cost:
        _rates(router)
    return router


def _rates(router: APIRouter) -> None:
    @router.get(
        "/customers/{customer_id}/tax-rates",
        responses=problems(404),
        operation_id="list_tax_rates",
        openapi_extra=WAITS,
    )
    async def rates(customer_id: str, caller: UseCaller, read: ResellerReading) -> list[dict[str, Any]]:
        """A customer's tax rates by the day from which each holds."""
        found: list[dict[str, Any]] = await read.parts.owners.get(
            "billing", f"/customers/{customer_id}/tax-rates", caller
        )
        return found

    @router.post(
        "/customers/{customer_id}/tax-rates",
        status_code=201,
        responses=problems(400, 404),
        operation_id="set_tax_rate",
    )
    async def change(
        customer_id: str,
        body: TaxRate,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        scope: ResellerScope,
    ) -> dict[str, Any]:
        """Set a customer's tax rate from a day on. Issued reports stay; corrections of their lines keep the older rate."""
        found: dict[str, Any] = await parts.owners.command(
            "billing", f"/customers/{customer_id}/tax-rates", caller, command, body.model_dump(mode="json")
        )
        return found
