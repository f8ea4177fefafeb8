"""The internal edge of forecasts and what-ifs: for the reseller with cost, for a customer without."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from csp_billing.domain.delta import Posting
from csp_billing.domain.lines import Line
from csp_billing.domain.what_ifs import Choice, compare, fair_until
from csp_billing.forecast.forecasts import Question, forecasts
from csp_billing.invoices.taking import totals_text
from csp_billing.ports import Books, ShownLine, Sold, report_key
from csp_billing.reports.views import line_json
from csp_billing.settling.one_story import StoryFacts, one_story
from csp_commerce_rules.money import PRICE_DIGITS, parse_decimal
from csp_runtime.clock import Clock
from csp_runtime.consistency import KnownVersions
from csp_runtime.http import AnyScope, AwaitedVersions
from csp_runtime.problems import invalid, not_found
from csp_runtime.scope import Scope

_STREAMS = ("cus_", "ten_", "sub_", "spr_", "res_")
LONGEST_HORIZON = 1200


class Facts(StoryFacts, Protocol):
    """What is known inside the scope."""

    async def customers(
        self, scope: Scope, customer_id: str | None, *, after: str | None = None, limit: int = 1
    ) -> list[dict[str, Any]]:
        """Customers by name, one or some behind another."""

    async def subscription(self, scope: Scope, subscription_id: str) -> Sold | None:
        """What a subscription is sold as; None where there is none in scope."""


class ChoiceBody(BaseModel):
    """What somebody thinks of; at least one of the choices. Prices are of one seat and charge cycle, sales."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subscription_id: str
    quantity: int | None = Field(None, ge=1, le=10_000_000)
    unit_price: str | None = Field(None, pattern=r"^\d{1,9}(\.\d{1,6})?$")
    charge_cycle: Literal["P1M", "P1Y", "P3Y"] | None = None
    quantity_at_renewal: int | None = Field(None, ge=1, le=10_000_000)
    until: date | None = None

    @model_validator(mode="after")
    def _chooses(self) -> "ChoiceBody":
        choices = (self.quantity, self.unit_price, self.charge_cycle, self.quantity_at_renewal)
        if all(choice is None for choice in choices):
            raise ValueError("needs quantity, unit_price, charge_cycle or quantity_at_renewal")
        return self


def forecast_routes(books: Books, facts: Facts, known: KnownVersions, clock: Clock) -> APIRouter:
    """The routes of forecasts."""
    router = APIRouter(prefix="/internal/v1")

    async def wait(versions: dict[str, int]) -> None:
        await known.wait_for({s: v for s, v in versions.items() if s.startswith(_STREAMS)})

    async def told(
        scope: Scope, found: list[dict[str, Any]], days: int, *, with_lines: bool
    ) -> list[dict[str, Any]]:
        question = Question(
            reseller=scope.reseller,
            customer_ids=[each["customer_id"] for each in found],
            now=clock.now(),
            days=days,
            with_cost=not scope.is_customer,
            with_lines=with_lines,
        )
        names = {each["customer_id"]: each["name"] for each in found}
        told = await books.run(lambda connection: forecasts(connection, question))
        return [{**each, "customer_name": names[each["customer_id"]]} for each in told]

    @router.get("/forecasts")
    async def some(
        scope: AnyScope,
        versions: AwaitedVersions,
        after: str | None = None,
        size: Annotated[int, Query(ge=1, le=200)] = 50,
        days: Annotated[int, Query(ge=1, le=400)] = 60,
    ) -> dict[str, Any]:
        await wait(versions)
        found = await facts.customers(scope, None, after=after, limit=size + 1)
        page = found[:size]
        following = page[-1]["customer_id"] if len(found) > size else None
        return {"forecasts": await told(scope, page, days, with_lines=False), "next": following}

    @router.get("/forecasts/{customer_id}")
    async def one(
        customer_id: str,
        scope: AnyScope,
        versions: AwaitedVersions,
        days: Annotated[int, Query(ge=1, le=400)] = 60,
    ) -> dict[str, Any]:
        await wait(versions)
        found = await facts.customers(scope, customer_id)
        if not found:
            raise not_found("customer")
        answers = await told(scope, found, days, with_lines=True)
        if not answers:
            raise not_found("forecast: nothing is billed yet")
        return answers[0]

    @router.post("/forecasts/what-ifs")
    async def what_if(body: ChoiceBody, scope: AnyScope, versions: AwaitedVersions) -> dict[str, Any]:
        await wait(versions)
        sold = await facts.subscription(scope, body.subscription_id)
        if sold is None:
            raise not_found("subscription")
        now = clock.now()
        if body.until is not None and not 0 <= (body.until - now.date()).days <= LONGEST_HORIZON:
            raise invalid("until", "range", f"must be from today to {LONGEST_HORIZON} days ahead")
        story = await one_story(facts, scope, body.subscription_id)
        if story is None:
            raise not_found("subscription")
        choice = Choice(
            quantity=body.quantity,
            unit_price=None if body.unit_price is None else parse_decimal(body.unit_price, PRICE_DIGITS),
            frequency=body.charge_cycle,
            quantity_at_renewal=body.quantity_at_renewal,
        )
        until = body.until or date.fromordinal(fair_until(story, choice, now))
        compared = compare(story, choice, now, until.toordinal())
        difference = None
        if all(line.amount is not None for line in (*compared.as_is, *compared.what_if)):
            difference = totals_text(_net(compared.what_if) - _net(compared.as_is), sold.currency)
        return {
            "subscription_id": body.subscription_id,
            "from": now.date().isoformat(),
            "until": until.isoformat(),
            "as_is": _side(compared.as_is, sold, now),
            "what_if": _side(compared.what_if, sold, now),
            "difference": difference,
        }

    return router


def _net(lines: Any) -> int:
    return sum(line.amount or 0 for line in lines)


def _side(lines: Any, sold: Sold, now: datetime) -> dict[str, Any]:
    key = report_key("", "", "sell", sold.currency, now.date(), now.date())
    return {
        "net": totals_text(_net(lines), sold.currency),
        "pending_count": sum(line.amount is None for line in lines),
        "lines": [_line(key, line, sold.title) for line in lines],
    }


def _line(key: Any, line: Line, title: str) -> dict[str, Any]:
    shown = line_json(key, ShownLine(Posting(line, 1, late=False), title, line.posted))
    del shown["id"]  # lines of a thought have none
    return shown
