"""Use cases: reports of a range, one report with its lines, what-if. All from the same fold that `csp rate` runs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from csp_billing.domain import facts as f
from csp_billing.domain.delta import Posting, report_order
from csp_billing.domain.explain import data as explained
from csp_billing.domain.family import linked
from csp_billing.domain.fold import fold
from csp_billing.domain.lines import Line
from csp_billing.domain.rules import Ledger
from csp_billing.ports import Billed, ReportKey, report_key
from csp_billing.timelines import story_of
from csp_commerce_rules.money import format_decimal, format_price, minor_digits
from csp_commerce_rules.report_cycles import windows_dated
from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind, named_id
from csp_runtime.clock import Clock
from csp_runtime.problems import Problem, invalid, not_found
from csp_runtime.scope import Scope

LONGEST_RANGE = timedelta(days=1100)


class Facts(Protocol):
    """The log of record, inside the scope."""

    async def customers(self, scope: Scope, customer_id: str | None) -> list[dict[str, Any]]:
        """Customers, all or one."""

    async def subscriptions(self, scope: Scope, customer_ids: Sequence[str]) -> list[Billed]:
        """What they are billed for."""

    async def events(self, scope: Scope, subscription_ids: Sequence[str]) -> dict[str, list[Recorded[Any]]]:
        """The facts of subscriptions."""

    async def close_day(self, scope: Scope, on: date) -> int:
        """The reseller's close day."""

    async def report(self, scope: Scope, report_id: str) -> ReportKey | None:
        """A report by its id."""


class ReportIds(Protocol):
    """Makes report ids known."""

    async def keep(self, reseller: str, keys: Sequence[ReportKey]) -> None:
        """Store them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """A line of a report, ready to be shown."""

    line_id: str
    title: str
    posting: Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report with its lines in report order; `pending` counts lines that wait for a price (D-6)."""

    key: ReportKey
    customer_name: str
    status: str
    lines: Sequence[ShownLine]
    pending: int

    @property
    def net(self) -> int:
        """Sum of exactly the lines shown, in minor units."""
        return sum(shown.posting.line.amount or 0 for shown in self.lines)


class BillingUseCases:
    """Questions of this context."""

    def __init__(self, *, facts: Facts, report_ids: ReportIds, clock: Clock) -> None:
        self._facts = facts
        self._report_ids = report_ids
        self._clock = clock

    async def reports(
        self, scope: Scope, *, from_on: date | None, until_on: date | None, customer_id: str | None
    ) -> list[Report]:
        """Reports dated in `[from_on, until_on]` (R3.5); without a range last month's, and the ones still open."""
        today = self._clock.now().date()
        first = from_on or (today.replace(day=1) - timedelta(days=1)).replace(day=1)
        last = until_on or today + timedelta(days=32)
        if last < first:
            raise invalid("until", "order", "must not be before from")
        if last - first > LONGEST_RANGE:
            raise invalid("until", "range", f"at most {LONGEST_RANGE.days} days after from")
        customers = await self._facts.customers(scope, customer_id)
        if customer_id is not None and not customers:
            raise not_found("customer")
        close_day = await self._facts.close_day(scope, today)
        keys: list[ReportKey] = []
        billed = await self._facts.subscriptions(scope, [row["customer_id"] for row in customers])
        currencies: dict[str, set[str]] = defaultdict(set)
        for each in billed:
            currencies[each.customer_id].add(each.currency)
        ledgers = ["sell"] if scope.is_customer else ["sell", "cost"]
        for window in windows_dated(first.toordinal(), last.toordinal(), close_day):
            for customer, known in sorted(currencies.items()):
                for currency in sorted(known):
                    keys += [
                        report_key(
                            scope.reseller,
                            customer,
                            ledger,
                            currency,
                            date.fromordinal(window.first),
                            date.fromordinal(window.report_date),
                        )
                        for ledger in ledgers
                    ]
        await self._report_ids.keep(scope.reseller, keys)
        names = {row["customer_id"]: row["name"] for row in customers}
        found = await self._computed(scope, keys, billed, names, close_day)
        return [report for report in found if report.lines or report.pending]

    async def report(self, scope: Scope, report_id: str) -> Report:
        """One report with all its lines."""
        key = await self._facts.report(scope, report_id)
        if key is None:
            raise not_found("report")
        customers = await self._facts.customers(scope, key.customer_id)
        billed = await self._facts.subscriptions(scope, [key.customer_id])
        close_day = await self._facts.close_day(scope, self._clock.now().date())
        names = {row["customer_id"]: row["name"] for row in customers}
        (report,) = await self._computed(scope, [key], billed, names, close_day)
        return report

    async def _computed(
        self,
        scope: Scope,
        keys: Sequence[ReportKey],
        billed: Sequence[Billed],
        names: dict[str, str],
        close_day: int,
    ) -> list[Report]:
        """Fold each subscription once per ledger, up to the last window asked for, and sort its lines into windows."""
        if not keys:
            return []
        until = max(key.until_on for key in keys).toordinal() - 1
        events = await self._facts.events(scope, [each.subscription_id for each in billed])
        today = self._clock.now().date()
        reports: list[Report] = []
        folded: dict[str, dict[str, list[Line]]] = {
            ledger: _fold_all(events, _ledger(ledger), close_day, until)
            for ledger in sorted({key.ledger for key in keys})
        }
        for key in keys:
            mine = [
                each
                for each in billed
                if each.customer_id == key.customer_id and each.currency == key.currency
            ]
            reports.append(
                _report(key, names.get(key.customer_id, ""), mine, folded[key.ledger], scope, today)
            )
        return reports

    async def what_if(self, scope: Scope, subscription_id: str, quantity: int) -> list[dict[str, Any]]:
        """The lines that another quantity would post from now to the end of the charge cycle; nothing is written."""
        events = await self._facts.events(scope, [subscription_id])
        history = events.get(subscription_id, [])
        customers = [row["customer_id"] for row in await self._facts.customers(scope, scope.customer)]
        visible = {each.subscription_id: each for each in await self._facts.subscriptions(scope, customers)}
        if subscription_id not in visible:
            raise not_found("subscription")
        now = self._clock.now()
        close_day = await self._facts.close_day(scope, now.date())
        story = story_of(subscription_id, history, "sell", close_day=close_day)
        if story is None:
            return []
        return _difference(story, quantity, now, visible[subscription_id].currency)


def _difference(story: Any, quantity: int, now: datetime, currency: str) -> list[dict[str, Any]]:
    today = now.date().toordinal()
    horizon = today + 31
    change = f.QuantityChanged(id="what-if", seq=10**9, day=today, recorded=today, at=now, quantity=quantity)
    with_change = replace(story, facts=(*story.facts, change))
    before, _, _ = fold(
        story.subscription, story.facts, None, horizon, rules=story.rules, price_book=story.price_book
    )
    after, _, _ = fold(
        story.subscription,
        with_change.facts,
        None,
        horizon,
        rules=story.rules,
        price_book=story.price_book,
    )
    known = {(line.key, line.amount) for line in before}
    digits = minor_digits(currency)
    return [
        as_json(
            ShownLine(line_id="", title=line.product, posting=Posting(line, 1, late=False)), digits, currency
        )
        for line in after
        if (line.key, line.amount) not in known and "what-if" in line.caused_by
    ]


def _fold_all(
    events: dict[str, list[Recorded[Any]]], ledger: Ledger, close_day: int, until: int
) -> dict[str, list[Line]]:
    stories = {
        name: story
        for name, known in events.items()
        if (story := story_of(name, known, ledger, close_day=close_day)) is not None
    }
    return {
        name: fold(name, story.facts, None, until, rules=story.rules, price_book=story.price_book)[0]
        for name, story in linked(stories).items()
    }


def _report(
    key: ReportKey,
    customer_name: str,
    billed: Sequence[Billed],
    lines: dict[str, list[Line]],
    scope: Scope,
    today: date,
) -> Report:
    first, last = key.from_on.toordinal(), key.until_on.toordinal() - 1
    shown: list[ShownLine] = []
    pending = 0
    for each in billed:
        for line in lines.get(each.subscription_id, []):
            if not first <= line.posted <= last:
                continue
            if line.amount is None:
                pending += 1
                continue
            line_id = named_id(Kind.LINE, scope.reseller, f"{key.ledger}/{each.subscription_id}/{line.key}/1")
            shown.append(
                ShownLine(line_id=line_id, title=each.product_title, posting=Posting(line, 1, late=False))
            )
    shown.sort(key=lambda line: report_order(line.posting))
    status = "open" if today < key.until_on else "ended"
    return Report(key=key, customer_name=customer_name, status=status, lines=shown, pending=pending)


def as_json(shown: ShownLine, digits: int, currency: str) -> dict[str, Any]:
    """A line with its explanation; amounts as decimal text."""
    line = shown.posting.line
    return {
        "id": shown.line_id,
        "subscription_id": line.subscription,
        "title": shown.title,
        "product": line.product,
        "kind": line.kind,
        "reason": line.reason,
        "posted_on": date.fromordinal(line.posted).isoformat(),
        "period": {
            "from": date.fromordinal(line.start).isoformat(),
            "until": date.fromordinal(line.end).isoformat(),
            "time_zone": "UTC",
        },
        "quantity": line.quantity,
        "unit_price": None
        if line.unit_price is None
        else _money(format_price(line.unit_price, digits), currency),
        "amount": None if line.amount is None else _money(format_decimal(line.amount, digits), currency),
        "late": shown.posting.late,
        "why": explained(shown.posting, digits),
    }


def _ledger(text: str) -> Ledger:
    match text:
        case "sell":
            return "sell"
        case "cost":
            return "cost"
        case _:
            raise Problem("bad-request", f"there is no ledger {text!r}")


def _money(amount: str, currency: str) -> dict[str, str]:
    return {"amount": amount, "currency": currency}
