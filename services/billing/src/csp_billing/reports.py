"""Reports as they are shown: computed while open, from what is desired minus what is issued; stored once issued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from csp_billing.domain.delta import Issued, Posting, delta, report_order
from csp_billing.domain.explain import data as explained
from csp_billing.domain.family import linked
from csp_billing.domain.fold import fold
from csp_billing.domain.lines import Line, LineKey
from csp_billing.domain.rules import Ledger
from csp_billing.ports import Billed, ReportKey
from csp_billing.timelines import story_of
from csp_commerce_rules.money import format_decimal, format_price
from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind, named_id
from csp_runtime.problems import Problem

Events = Mapping[str, Sequence[Recorded[Any]]]
Desired = dict[str, list[Line]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """A line of a report, ready to be shown."""

    line_id: str
    title: str
    posting: Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What makes a report final: its number, the hash over its lines' canonical bytes, and when."""

    number: str
    sha256: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report with its lines in report order. `net` in minor units is the sum of exactly these lines.

    `pending` counts lines that wait for a price (D-6); `earlier` counts lines that belong to reports before this one
    that are not issued yet. Both hold the report.
    """

    key: ReportKey
    customer_name: str
    status: str
    net: int
    line_count: int
    lines: Sequence[ShownLine] = ()
    pending: int = 0
    earlier: int = 0
    seal: Seal | None = None


class Was(NamedTuple):
    """The newest issued revision of a key, and the customer in whose report it stands."""

    issued: Issued
    customer_id: str


IssuedBefore = dict[tuple[str, str], dict[LineKey, Was]]
"""By ledger and subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What open reports are computed from.

    `open_from` is the day on which the last issued report of (customer, ledger, currency) is dated: the first day that
    can still be posted on.
    """

    billed: Sequence[Billed]
    events: Events
    issued: IssuedBefore
    open_from: Mapping[tuple[str, str, str], date]
    close_day: int
    folded: dict[tuple[str, int], Desired] = field(default_factory=dict)

    def desired(self, ledger: str, until: int) -> Desired:
        """Should-be lines by subscription up to a day; each ledger and day is folded once."""
        if (ledger, until) not in self.folded:
            self.folded[ledger, until] = fold_all(self.events, _ledger(ledger), self.close_day, until)
        return self.folded[ledger, until]

    def currencies(self) -> dict[str, set[str]]:
        """In which currencies each customer may have a report: of what it has, and of what was billed to it before."""
        found: dict[str, set[str]] = {}
        for each in self.billed:
            found.setdefault(each.customer_id, set()).add(each.currency)
            for ledger in ("sell", "cost"):
                for was in self.issued.get((ledger, each.subscription_id), {}).values():
                    found.setdefault(was.customer_id, set()).add(each.currency)
        return found


def open_report(reseller: str, key: ReportKey, customer_name: str, book: Book, today: date) -> Report:
    """A report that is not issued yet: what is desired up to its last day, minus all that is issued (R10.2).

    A correction of an issued line posts to the customer it was issued to, everything else to the one who has the
    subscription now.
    """
    first, last = key.from_on.toordinal(), key.until_on.toordinal() - 1
    open_on = book.open_from.get((key.customer_id, key.ledger, key.currency))
    open_from = 0 if open_on is None else open_on.toordinal()
    desired = book.desired(key.ledger, last)
    shown: list[ShownLine] = []
    pending = earlier = 0
    for each in book.billed:
        if each.currency != key.currency:
            continue
        was = book.issued.get((key.ledger, each.subscription_id), {})
        for posting in _postings(
            key.customer_id, each, desired.get(each.subscription_id, []), was, open_from
        ):
            posted = max(posting.line.posted, open_from)
            if posted < first:
                earlier += 1
            elif posted > last:
                continue
            elif posting.line.amount is None:
                pending += 1
            else:
                line_id = line_id_of(reseller, key.ledger, posting)
                shown.append(ShownLine(line_id=line_id, title=each.product_title, posting=posting))
    shown.sort(key=lambda line: (*report_order(line.posting), str(line.posting.line.key)))
    return Report(
        key=key,
        customer_name=customer_name,
        status="open" if today < key.until_on else "ended",
        net=sum(line.posting.line.amount or 0 for line in shown),
        line_count=len(shown),
        lines=shown,
        pending=pending,
        earlier=earlier,
    )


def _postings(
    customer_id: str, billed: Billed, desired: Sequence[Line], was: Mapping[LineKey, Was], open_from: int
) -> list[Posting]:
    """What is to be posted to a customer for one subscription, and what waits for a price."""
    postings = delta(desired, {key: each.issued for key, each in was.items()}, open_from)
    postings += [Posting(line, 0, late=False) for line in desired if line.amount is None]

    def owner(posting: Posting) -> str:
        known = was.get(posting.undoes or posting.line.key)
        return billed.customer_id if known is None else known.customer_id

    return [posting for posting in postings if owner(posting) == customer_id]


def fold_all(events: Events, ledger: Ledger, close_day: int, until: int) -> Desired:
    """Should-be lines of subscriptions, each folded from its first event."""
    stories = {
        name: story
        for name, known in events.items()
        if (story := story_of(name, known, ledger, close_day=close_day)) is not None
    }
    return {
        name: fold(name, story.facts, None, until, rules=story.rules, price_book=story.price_book)[0]
        for name, story in linked(stories).items()
    }


def line_id_of(reseller: str, ledger: str, posting: Posting) -> str:
    """The id of a line: the same whenever and however often it is computed (R10.1)."""
    line = posting.line
    return named_id(Kind.LINE, reseller, f"{ledger}/{line.subscription}/{line.key}/{posting.revision}")


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
