"""The result of a story as JSON or as a table for people."""

from collections.abc import Iterator
from datetime import date

from csp_billing.domain.delta import Posting
from csp_billing.domain.explain import data
from csp_billing.rating.rate import Result, RunResult
from csp_commerce_rules.money import format_decimal, format_price


def as_json(result: Result, digits: int, *, why: bool) -> dict[str, object]:
    """The result in the published shape: decimal text, inclusive dates."""
    return {
        "runs": [_run(run, digits, why=why) for run in result.runs],
        "rejections": [
            {"seq": refusal.seq, "code": refusal.code}
            | ({} if refusal.allowed_from is None else {"allowed_from": _day(refusal.allowed_from)})
            for refusal in result.rejections
        ],
        "total_net": format_decimal(sum(run.net for run in result.runs), digits),
    }


def _run(run: RunResult, digits: int, *, why: bool) -> dict[str, object]:
    shown: dict[str, object] = {
        "as_of": _day(run.as_of),
        "lines": [_line(posting, digits, why=why) for posting in run.postings],
        "net": format_decimal(run.net, digits),
    }
    if run.tax is not None:
        shown["tax"] = format_decimal(run.tax, digits)
        shown["gross"] = format_decimal(run.net + run.tax, digits)
    return shown


def _line(posting: Posting, digits: int, *, why: bool) -> dict[str, object]:
    line = posting.line
    shown: dict[str, object] = {
        "subscription": line.subscription,
        "product": line.product,
        "kind": line.kind,
        "reason": line.reason,
        "from": _day(line.start),
        "to": _day(line.end - 1),
        "quantity": line.quantity,
        "unit_price": format_price(line.unit_price or 0, digits),
        "amount": format_decimal(line.amount or 0, digits),
    }
    if why:
        shown["why"] = data(posting, digits)
    return shown


def as_table(result: Result, digits: int, *, why: bool) -> Iterator[str]:
    """Lines of text: one block a run, amounts aligned, totals below."""
    for run in result.runs:
        yield f"Run up to {_day(run.as_of)}"
        rows = [_cells(posting, digits) for posting in run.postings]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(_HEAD))]
        widths = [max(width, len(head)) for width, head in zip(widths, _HEAD, strict=True)]
        yield "  " + _aligned(_HEAD, widths)
        for row, posting in zip(rows, run.postings, strict=True):
            yield "  " + _aligned(row, widths)
            if why:
                yield f"      {data(posting, digits)['text']}"
        yield f"  net {format_decimal(run.net, digits)}" + (
            ""
            if run.tax is None
            else f", tax {format_decimal(run.tax, digits)}, gross {format_decimal(run.net + run.tax, digits)}"
        )
        yield ""
    for refusal in result.rejections:
        then = "" if refusal.allowed_from is None else f", allowed from {_day(refusal.allowed_from)}"
        yield f"Refused: seq {refusal.seq}, {refusal.code}{then}"
    yield f"Total net {format_decimal(sum(run.net for run in result.runs), digits)}"


_HEAD = ("subscription", "product", "kind", "reason", "from", "to", "quantity", "unit price", "amount")
_NUMBERS_FROM = 6


def _cells(posting: Posting, digits: int) -> tuple[str, ...]:
    shown = _line(posting, digits, why=False)
    return tuple(str(value) for value in shown.values())


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(
        cell.rjust(width) if i >= _NUMBERS_FROM else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()


def _day(day: int) -> str:
    return date.fromordinal(day).isoformat()
