"""Use cases: reports of a range, one report with its lines, what-if. All from the same fold that `csp rate` runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from csp_billing.domain.delta import Posting
from csp_billing.domain.family import Story
from csp_billing.domain.taxes import LineTaxes, Rated, by_line
from csp_billing.domain.what_ifs import WHAT_IF, Choice, compare
from csp_billing.ports import (
    Asked,
    EditEffect,
    LinesAsked,
    LinesPage,
    MatchedTo,
    PriceEdit,
    Report,
    ReportKey,
    ShownLine,
    Sold,
    line_id_of,
    report_key,
)
from csp_billing.reports.views import line_json
from csp_billing.settling.line_rows import line_text
from csp_billing.settling.one_story import StoryFacts, one_story
from csp_runtime.clock import Clock
from csp_runtime.problems import invalid, not_found
from csp_runtime.scope import Scope

LONGEST_RANGE = timedelta(days=1100)
_SECOND_DAY = date.min + timedelta(days=1)


class Facts(StoryFacts, Protocol):
    """What is known inside the scope."""

    async def customers(
        self, scope: Scope, customer_id: str | None, *, after: str | None = None, limit: int = 1
    ) -> list[dict[str, Any]]:
        """Customers by name, one or some behind another."""

    async def subscription(self, scope: Scope, subscription_id: str) -> Sold | None:
        """What a subscription is sold as; None where there is none in scope."""

    async def collapses_pairs(self, scope: Scope, dated_on: date) -> bool:
        """Whether customers read each change of a report of that day as one line."""

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

    async def head(self, scope: Scope, report_id: str) -> Report | None:
        """One without its lines."""

    async def page(self, scope: Scope, key: ReportKey, asked: LinesAsked) -> LinesPage:
        """Some of the lines of one that was found in the scope."""

    async def whole(self, scope: Scope, report_id: str) -> Report | None:
        """One with its lines."""


class Previews(Protocol):
    """Reports that are not issued yet."""

    async def all(self, asked: Asked) -> list[Report]:
        """The reports of customers, in windows up to the asked one; only those with lines."""

    async def one(self, asked: Asked, key: ReportKey) -> Report | None:
        """One report with its lines; None where it has none."""


class PriceEditEffects(Protocol):
    """What edits of sales prices would post."""

    async def of(self, reseller: str, edit: PriceEdit, now: datetime) -> EditEffect:
        """The effect of one; nothing is written."""


class Lines(Protocol):
    """Lines of issued reports, a piece at a time; iterated in a thread."""

    def lines(self, scope: Scope, key: ReportKey) -> Iterator[Sequence[ShownLine]]:
        """Those of a report that was found in the scope, in report order."""

    def texts(self, scope: Scope, key: ReportKey) -> Iterator[Sequence[str]]:
        """The same as rows of `line_text`."""


class StoredTaxes(Protocol):
    """The tax of issued reports."""

    async def rated(self, report: Report) -> Sequence[Rated]:
        """The lines of one that was found in the scope, at the rates that it was issued with."""


class MatchedLines(Protocol):
    """What Microsoft's invoices say to lines of ours."""

    async def of(self, reseller: str, line_ids: Sequence[str]) -> Mapping[str, Sequence[MatchedTo]]:
        """The matches of lines by id; what was never matched is not there."""


class BillingUseCases:
    """Questions of this context."""

    def __init__(
        self,
        *,
        facts: Facts,
        report_ids: ReportIds,
        issued: IssuedReports,
        lines: Lines,
        taxes: StoredTaxes,
        matched: MatchedLines,
        previews: Previews,
        price_edits: PriceEditEffects,
        clock: Clock,
    ) -> None:
        self._facts = facts
        self._report_ids = report_ids
        self._issued = issued
        self._lines = lines
        self._taxes = taxes
        self._matched = matched
        self._previews = previews
        self._price_edits = price_edits
        self._clock = clock

    async def reports(
        self,
        scope: Scope,
        *,
        from_on: date | None,
        until_on: date | None,
        customer_id: str | None,
        after: str | None,
        size: int,
    ) -> tuple[list[Report], str | None]:
        """Reports dated in `[from_on, until_on]` (R3.5); without a range last month's, and the ones still open.

        A page has all reports of `size` customers, by name behind the customer `after`; with it the last of them, where
        more may follow.
        """
        today = self._clock.now().date()
        first = from_on or (today.replace(day=1) - timedelta(days=1)).replace(day=1)
        last = until_on or today + timedelta(days=32)
        if last < first:
            raise invalid("until", "order", "must not be before from")
        if last - first > LONGEST_RANGE:
            raise invalid("until", "range", f"at most {LONGEST_RANGE.days} days after from")
        customers = await self._facts.customers(scope, customer_id, after=after, limit=size)
        if customer_id is not None and not customers:
            raise not_found("customer")
        following = customers[-1]["customer_id"] if len(customers) == size and customer_id is None else None
        names = [row["customer_id"] for row in customers]
        issued = await self._issued.dated(scope, first, last, names)
        # The first day of the calendar has no day before it.
        asked = self._asked(scope, names, max(last, _SECOND_DAY) - timedelta(days=1))
        computed = await self._previews.all(asked)
        found = [report for report in computed if first <= report.key.until_on <= last]
        await self._report_ids.keep(scope.reseller, [report.key for report in found])
        return sorted([*issued, *found], key=_listed), following

    async def report(self, scope: Scope, report_id: str, *, as_of: datetime | None = None) -> Report:
        """One report with all its lines: the stored ones if it is issued, else those known now.

        With `as_of` as it was known at that moment: issued only if it was by then. Raises `Problem` `not-found` also where
        nothing of it was known then: nobody could have been shown it, not even with nothing to pay.
        """
        if as_of is not None and as_of > self._clock.now():
            raise invalid("as_of", "range", "must not be in the future")
        issued = await self._issued.whole(scope, report_id)
        if (
            issued is not None
            and issued.seal is not None
            and (as_of is None or issued.seal.issued_at <= as_of)
        ):
            return issued
        key = await self._facts.report(scope, report_id)
        customers = [] if key is None else await self._facts.customers(scope, key.customer_id)
        if key is None or not customers:
            raise not_found("report")
        asked = replace(self._asked(scope, [key.customer_id], key.until_on - timedelta(days=1)), as_of=as_of)
        if as_of is not None:
            asked = replace(asked, today=as_of.date())
        found = await self._previews.one(asked, key)
        if found is None and as_of is not None:
            raise not_found("report")
        return found or _empty(key, customers[0]["name"], asked.today)

    async def collapses_pairs(self, scope: Scope, report: Report) -> bool:
        """Whether a report that was found in the scope is shown with its pairs collapsed; one of cost never is (section 14)."""
        return report.key.ledger == "sell" and await self._facts.collapses_pairs(scope, report.key.until_on)

    async def lines(self, scope: Scope, report_id: str, asked: LinesAsked) -> tuple[Report, LinesPage]:
        """A page of a report's lines, by kind, reason or subscription; the report itself comes without lines, if issued."""
        issued = await self._issued.head(scope, report_id)
        if issued is not None:
            return issued, await self._issued.page(scope, issued.key, asked)
        found = await self.report(scope, report_id)
        fitting = [(at, shown) for at, shown in enumerate(found.lines, start=1) if asked.fits(shown)]
        behind = [each for each in fitting if each[0] > asked.after]
        net = sum(shown.posting.line.amount or 0 for _, shown in fitting)
        return found, LinesPage(lines=behind[: asked.size], count=len(fitting), net=net)

    async def matched(
        self, report: Report, lines: Iterable[ShownLine]
    ) -> Mapping[str, Sequence[MatchedTo]] | None:
        """What stands against the lines of a cost report that was found in the scope; None for one of sales."""
        if report.key.ledger != "cost":
            return None
        return await self._matched.of(
            report.key.reseller, [line_id_of(report.key, shown.posting) for shown in lines]
        )

    async def exported(self, scope: Scope, report_id: str) -> tuple[Report, Iterable[Sequence[ShownLine]]]:
        """A report for export: an issued one comes without lines, they are read a piece at a time."""
        issued = await self._issued.head(scope, report_id)
        if issued is not None:
            return issued, self._lines.lines(scope, issued.key)
        found = await self.report(scope, report_id)
        return found, [found.lines]

    async def exported_texts(self, scope: Scope, report_id: str) -> tuple[Report, Iterable[Sequence[str]]]:
        """The same with its lines as text, for a format that is text itself."""
        issued = await self._issued.head(scope, report_id)
        if issued is not None:
            return issued, self._lines.texts(scope, issued.key)
        found = await self.report(scope, report_id)
        return found, [
            [
                line_text(each.posting, each.title, number, each.due)
                for number, each in enumerate(found.lines, 1)
            ]
        ]

    async def line_taxes(self, report: Report) -> LineTaxes:
        """Each line's part of a report's tax (R4.7), as it was issued or as it would be now."""
        return by_line(await self.rated(report))

    async def rated(self, report: Report) -> Sequence[Rated]:
        """The lines of a report that was found in the scope with their rates; none where it is not taxed."""
        if report.seal is None:
            return report.rated
        return await self._taxes.rated(report) if report.taxes else ()

    async def taxed(self, scope: Scope, report_id: str) -> Report:
        """A report for its tax; an issued one comes without its lines."""
        return await self._issued.head(scope, report_id) or await self.report(scope, report_id)

    def _asked(self, scope: Scope, customer_ids: Sequence[str], last: date) -> Asked:
        return Asked(
            reseller=scope.reseller,
            customer_ids=customer_ids,
            last=last,
            today=self._clock.now().date(),
            sell_only=scope.is_customer,
        )

    async def what_if(self, scope: Scope, subscription_id: str, quantity: int) -> list[dict[str, Any]]:
        """The lines that another quantity would post from now to the end of the charge cycle; nothing is written."""
        sold = await self._facts.subscription(scope, subscription_id)
        if sold is None:
            raise not_found("subscription")
        story = await one_story(self._facts, scope, subscription_id)
        return [] if story is None else _difference(story, quantity, self._clock.now(), sold)

    async def what_if_edited(self, scope: Scope, edit: PriceEdit) -> EditEffect:
        """What an edit of the sales price would post in reports that are not issued yet; nothing is written."""
        if await self._facts.subscription(scope, edit.subscription_id) is None:
            raise not_found("subscription")
        return await self._price_edits.of(scope.reseller, edit, self._clock.now())


def _empty(key: ReportKey, name: str, today: date) -> Report:
    """A report that has no lines, or none any more."""
    status = "open" if today < key.until_on else "ended"
    return Report(key=key, customer_name=name, status=status, net=0, line_count=0)


def _listed(report: Report) -> tuple[date, str, str, bool]:
    """Order of a list of reports: date, customer, currency, sales before cost."""
    key = report.key
    return key.until_on, key.customer_id, key.currency, key.ledger != "sell"


def _difference(story: Story, quantity: int, now: datetime, sold: Sold) -> list[dict[str, Any]]:
    compared = compare(story, Choice(quantity=quantity), now, now.date().toordinal() + 31)
    known = {(line.key, line.amount) for line in compared.as_is}
    key = report_key("", "", "sell", sold.currency, now.date(), now.date())
    return [
        line_json(key, ShownLine(Posting(line, 1, late=False), sold.title, line.posted))
        for line in compared.what_if
        if (line.key, line.amount) not in known and WHAT_IF in line.caused_by
    ]
