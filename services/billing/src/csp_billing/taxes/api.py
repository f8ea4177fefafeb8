"""The internal edge of taxes: a customer's rates, the tax of a report, its credit note."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

import psycopg
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from csp_billing.domain.taxes import Rated
from csp_billing.invoices.api import Decider, Staff
from csp_billing.ports import Books, Report
from csp_billing.taxes.documents import credit_note_json, rates_json, set_rate, taxes_json
from csp_commerce_rules.money import parse_decimal
from csp_runtime.clock import Clock
from csp_runtime.http import AnyCommand, AnyScope
from csp_runtime.once import do_once
from csp_runtime.problems import not_found
from csp_runtime.scope import Scope


class Customers(Protocol):
    """Customers inside the scope."""

    async def customers(
        self, scope: Scope, customer_id: str | None, *, after: str | None = None, limit: int = 1
    ) -> list[dict[str, Any]]:
        """Customers by name, one or some behind another."""


class Reports(Protocol):
    """Reports inside the scope, issued or not."""

    async def taxed(self, scope: Scope, report_id: str) -> Report:
        """One; issued ones without their lines."""

    async def rated(self, report: Report) -> Sequence[Rated]:
        """Its lines with their rates, where it is taxed."""


class TaxRateBody(BaseModel):
    """A rate in percent from a UTC day on; `0` where there is no tax."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    percent: str = Field(pattern=r"^\d{1,3}(\.\d{1,2})?$")
    effective_on: date


def tax_routes(books: Books, customers: Customers, reports: Reports, clock: Clock) -> APIRouter:
    """The routes of taxes."""
    router = APIRouter(prefix="/internal/v1")

    async def check(scope: Scope, customer_id: str) -> None:
        if not await customers.customers(scope, customer_id):
            raise not_found("customer")

    @router.get("/customers/{customer_id}/tax-rates")
    async def rates(customer_id: str, scope: Staff) -> list[dict[str, Any]]:
        await check(scope, customer_id)
        return await books.run(lambda connection: rates_json(connection, scope.reseller, customer_id))

    @router.post("/customers/{customer_id}/tax-rates", status_code=201)
    async def change(
        customer_id: str, body: TaxRateBody, scope: Decider, command: AnyCommand
    ) -> dict[str, Any]:
        await check(scope, customer_id)
        now = clock.now()

        def act(connection: psycopg.Connection) -> dict[str, Any]:
            def once() -> dict[str, Any]:
                set_rate(
                    connection,
                    reseller=scope.reseller,
                    customer_id=customer_id,
                    effective_on=body.effective_on,
                    basis_points=parse_decimal(body.percent, 2),
                    now=now,
                    actor=scope.actor,
                )
                return {"percent": body.percent, "effective_on": body.effective_on.isoformat()}

            return do_once(connection, command, now, once)

        return await books.run(act)

    @router.get("/reports/{report_id}/taxes")
    async def taxes(report_id: str, scope: AnyScope, *, lines: bool = False) -> dict[str, Any]:
        report = await reports.taxed(scope, report_id)
        return taxes_json(report, await reports.rated(report) if lines else None)

    @router.get("/reports/{report_id}/credit-note")
    async def credit_note(report_id: str, scope: AnyScope) -> dict[str, Any]:
        await reports.taxed(scope, report_id)
        found = await books.run(lambda connection: credit_note_json(connection, scope.reseller, report_id))
        if found is None:
            raise not_found("credit note")
        return found

    return router
