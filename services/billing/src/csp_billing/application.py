"""Use cases: reports of a range, one report with its lines, what-if. All from the same fold that `csp rate` runs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from csp_billing.domain import facts as f
from csp_billing.domain.delta import Posting
from csp_billing.domain.fold import fold
from csp_billing.ports import Billed, ReportKey, report_key
from csp_billing.reports import Book, IssuedBefore, Report, ShownLine, as_json, open_report
from csp_billing.timelines import story_of
from csp_commerce_rules.money import minor_digits
from csp_commerce_rules.report_cycles import windows_dated
from csp_contracts.envelope import Recorded
from csp_runtime.clock import Clock
from csp_runtime.problems import invalid, not_found
from csp_runtime.scope import Scope

LONGEST_RANGE = timedelta(days=1100)


class Facts(Protocol):
    """The log of record, inside the scope."""

    async def customers(self, scope: Scope, customer_id: str | None) -> list[dict[str, Any]]:
        """Customers, all or one."""

    async def subscriptions(self, scope: Scope, customer_ids: Sequence[str]) -> list[Billed]:
        """What they are billed for."""

    async def events(
        self, scope: Scope, subscription_ids: Sequence[str], *, known_at: int | None = None
    ) -> dict[str, list[Recorded[Any]]]:
        """The facts of subscriptions, all or those up to a watermark."""

    async def close_day(self, scope: Scope, on: date) -> int:
        """The reseller's close day."""

    async def report(self, scope: Scope, report_id: str) -> ReportKey | None:
        """A report by its id."""


class ReportIds(Protocol):
    """Makes report ids known."""

    async def keep(self, reseller: str, keys: Sequence[ReportKey]) -> None:
        """Store them."""


class IssuedReports(Protocol):
    """Issued reports, inside the scope."""

    async def dated(self, scope: Scope, first: date, last: date, customer_ids: Sequence[str]) -> list[Report]:
        """Those dated in a range, without lines."""

    async def whole(self, scope: Scope, report_id: str) -> Report | None:
        """One with its lines."""


class IssuedBooks(Protocol):
    """What was issued before, to whomever: open reports are computed against it."""

    async def open_from(self, reseller: str, customer_ids: Sequence[str]) -> dict[tuple[str, str, str], date]:
        """The date of the last issued report by customer, ledger and currency."""

    async def moved_away(self, reseller: str, customer_ids: Sequence[str]) -> list[Billed]:
        """Subscriptions billed to these customers before, that others have now."""

    async def issued(self, reseller: str, subscription_ids: Sequence[str]) -> IssuedBefore:
        """The newest issued revision of every key."""


class BillingUseCases:
    """Questions of this context."""

    def __init__(
        self,
        *,
        facts: Facts,
        report_ids: ReportIds,
        issued: IssuedReports,
        books: IssuedBooks,
        clock: Clock,
    ) -> None:
        self._facts = facts
        self._report_ids = report_ids
        self._issued = issued
        self._books = books
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
        names = {row["customer_id"]: row["name"] for row in customers}
        issued = await self._issued.dated(scope, first, last, list(names))
        final = {report.key.report_id for report in issued}
        book = await self._book(scope, list(names), today)
        keys = [key for key in _keys(scope, book, list(names), first, last) if key.report_id not in final]
        await self._report_ids.keep(scope.reseller, keys)
        computed = [open_report(scope.reseller, key, names[key.customer_id], book, today) for key in keys]
        found = [*issued, *(report for report in computed if report.lines or report.pending)]
        return sorted(found, key=_listed)

    async def report(self, scope: Scope, report_id: str, *, known_at: int | None = None) -> Report:
        """One report with all its lines: the stored ones if it is issued, else those known now or at a watermark."""
        issued = await self._issued.whole(scope, report_id)
        if issued is not None:
            return issued
        key = await self._facts.report(scope, report_id)
        customers = [] if key is None else await self._facts.customers(scope, key.customer_id)
        if key is None or not customers:
            raise not_found("report")
        today = self._clock.now().date()
        book = await self._book(scope, [key.customer_id], today, known_at=known_at)
        return open_report(scope.reseller, key, customers[0]["name"], book, today)

    async def _book(
        self, scope: Scope, customer_ids: Sequence[str], today: date, *, known_at: int | None = None
    ) -> Book:
        """What the reports of these customers are computed from."""
        now = await self._facts.subscriptions(scope, customer_ids)
        theirs = {each.subscription_id for each in now}
        before = await self._books.moved_away(scope.reseller, customer_ids)
        billed = [*now, *(each for each in before if each.subscription_id not in theirs)]
        ids = [each.subscription_id for each in billed]
        # In this order: what is issued meanwhile may still show here for a moment, but is never shown as reversed.
        open_from = await self._books.open_from(scope.reseller, customer_ids)
        issued = await self._books.issued(scope.reseller, ids)
        return Book(
            billed=billed,
            events=await self._facts.events(scope, ids, known_at=known_at),
            issued=issued,
            open_from=open_from,
            close_day=await self._facts.close_day(scope, today),
        )

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


def _keys(scope: Scope, book: Book, customer_ids: Sequence[str], first: date, last: date) -> list[ReportKey]:
    """One report per window, customer, currency and ledger; customers have the sales ledger alone."""
    ledgers = ["sell"] if scope.is_customer else ["sell", "cost"]
    currencies = book.currencies()
    return [
        report_key(
            scope.reseller,
            customer_id,
            ledger,
            currency,
            date.fromordinal(window.first),
            date.fromordinal(window.report_date),
        )
        for window in windows_dated(first.toordinal(), last.toordinal(), book.close_day)
        for customer_id in sorted(customer_ids)
        for currency in sorted(currencies.get(customer_id, ()))
        for ledger in ledgers
    ]


def _listed(report: Report) -> tuple[date, str, str, bool]:
    """Order of a list of reports: date, customer, currency, sales before cost."""
    key = report.key
    return key.until_on, key.customer_id, key.currency, key.ledger != "sell"


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
