"""The close of a report: freeze what is known, check it, and issue number, hash and lines in one transaction."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from csp_billing.application import BillingUseCases
from csp_billing.domain.bounds import broken_bounds
from csp_billing.issued import ENGINE, digest, rows_of
from csp_billing.ports import ReportKey, Sealing
from csp_billing.reports import Report
from csp_commerce_rules.money import format_decimal, minor_digits
from csp_contracts.billing_v1 import ReportIssued
from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind, named_id
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.problems import Problem
from csp_runtime.scope import Scope
from csp_runtime.store import Also, EventStore

_PREFIX: Mapping[str, str] = {"sell": "R", "cost": "C"}


class Issuance(Protocol):
    """What the close reads and writes beside the questions of this context."""

    def alone(self, reseller: str) -> AbstractAsyncContextManager[None]:
        """One close of a reseller at a time."""

    async def watermark(self) -> int:
        """The last arrival in the log of record."""

    async def next_number(self, reseller: str, ledger: str) -> int:
        """The number after the last one given."""

    def sealing(self, sealing: Sealing) -> Also:
        """The statements that issue a report; raises `VersionConflict` if another was first."""


class CloseUseCases:
    """Commands that make reports final."""

    def __init__(
        self, *, store: EventStore, reports: BillingUseCases, issuance: Issuance, clock: Clock
    ) -> None:
        self._store = store
        self._reports = reports
        self._issuance = issuance
        self._clock = clock
        # Waiters of this process queue here, so that they do not hold a database connection each.
        self._turn = asyncio.Lock()

    async def issue(self, scope: Scope, report_id: str, command: Command) -> dict[str, Any]:
        """Issue a report; one that is issued already is answered as it was issued (R10.3).

        Raises `Problem`: `not-found`, `window-open`, `earlier-report-open`, `price-missing`, `report-empty`,
        `bounds-exceeded`.
        """
        now = self._clock.now()

        async def decide() -> Decision:
            watermark = await self._issuance.watermark()
            report = await self._reports.report(scope, report_id, known_at=watermark)
            if report.seal is not None:
                return Decision(
                    events=(),
                    answer=_answer(
                        report.key, report.seal.number, report.seal.sha256, report.net, report.line_count
                    ),
                )
            if now.date() < report.key.until_on:
                raise _refusal("window-open", "The report's window is not over yet", report)
            _check(report)
            count = await self._issuance.next_number(scope.reseller, report.key.ledger)
            sealing = _sealing(scope.reseller, report, count, watermark, now)
            # A customer's feed carries what is the customer's; what a subscription costs is not.
            customer = report.key.customer_id if report.key.ledger == "sell" else None
            meta = command_meta(scope, command, now, partition_key=report.key.customer_id, customer=customer)
            event = Recorded(stream=report_id, version=1, data=_issued(sealing), meta=meta)
            return Decision(
                events=[event],
                answer=_answer(sealing.key, sealing.number, sealing.sha256, sealing.net, len(sealing.rows)),
                also=[self._issuance.sealing(sealing)],
            )

        async with self._turn, self._issuance.alone(scope.reseller):
            return await carry_out(self._store, command, now, decide)


def _check(report: Report) -> None:
    """Whether the report may become final (D-6, R10.4, R10.5)."""
    if report.earlier:
        raise _refusal("earlier-report-open", "An earlier report has to be issued first", report)
    if report.pending:
        raise _refusal("price-missing", "Lines of this report wait for a price", report)
    if not report.lines:
        raise _refusal("report-empty", "The report has no lines", report)
    broken = broken_bounds(line.posting for line in report.lines)
    if broken:
        raise Problem(
            "bounds-exceeded",
            "The report is beyond the safety bounds; a person has to look at it",
            ", ".join(f"{each.subscription}: {each.code} {each.found} of {each.allowed}" for each in broken),
        )


def _refusal(code: str, title: str, report: Report) -> Problem:
    extra = {
        "report_id": report.key.report_id,
        "dated_on": report.key.until_on.isoformat(),
        "pending_count": report.pending,
    }
    return Problem(code, title, extra=extra)


def _sealing(reseller: str, report: Report, count: int, watermark: int, now: Any) -> Sealing:
    rows = rows_of(report.lines)
    return Sealing(
        reseller=reseller,
        key=report.key,
        customer_name=report.customer_name,
        count=count,
        number=f"{_PREFIX[report.key.ledger]}-{count:06d}",
        rows=rows,
        sha256=digest(rows),
        net=report.net,
        watermark=watermark,
        engine=ENGINE,
        issued_at=now,
    )


def _issued(sealing: Sealing) -> ReportIssued:
    key = sealing.key
    return ReportIssued(
        report_id=key.report_id,
        cycle_id=named_id(Kind.BILLING_CYCLE, sealing.reseller, key.until_on.isoformat()),
        customer_id=key.customer_id,
        number=sealing.number,
        ledger=key.ledger,
        currency=key.currency,
        dated_on=key.until_on,
        from_on=key.from_on,
        until_on=key.until_on,
        net_minor=sealing.net,
        tax_minor=0,
        lines=len(sealing.rows),
        sha256=sealing.sha256,
    )


def _answer(key: ReportKey, number: str, sha256: str, net: int, line_count: int) -> dict[str, Any]:
    return {
        "id": key.report_id,
        "status": "issued",
        "number": number,
        "sha256": sha256,
        "dated_on": key.until_on.isoformat(),
        "ledger": key.ledger,
        "net": {"amount": format_decimal(net, minor_digits(key.currency)), "currency": key.currency},
        "line_count": line_count,
        "version": 1,
    }
