"""Use cases of the close: cycles and how far they are, beginning a close, issuing or holding one report."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol

import psycopg

from csp_billing.application import BillingUseCases
from csp_billing.closing.commands import begin_close, hold_one, issue_one
from csp_billing.closing.cycles import open_cycles
from csp_billing.closing.progress import cycle_json, cycles_json
from csp_billing.ports import Books, ReportKey
from csp_billing.reports.views import summary
from csp_runtime.clock import Clock
from csp_runtime.commands import command_meta
from csp_runtime.http import Command
from csp_runtime.once import do_once
from csp_runtime.problems import not_found
from csp_runtime.scope import Scope


class ReportNames(Protocol):
    """Finds reports inside the scope."""

    async def report(self, scope: Scope, report_id: str) -> ReportKey | None:
        """A report by its id."""


class CloseUseCases:
    """Commands that make reports final, and what they have come to."""

    def __init__(self, *, books: Books, names: ReportNames, reports: BillingUseCases, clock: Clock) -> None:
        self._books = books
        self._names = names
        self._reports = reports
        self._clock = clock
        # Commands of this process queue here: each that waits below would hold a connection.
        self._turn = asyncio.Lock()

    async def cycles(self, scope: Scope, *, before: date | None, size: int) -> list[dict[str, Any]]:
        """Some of the reseller's cycles, newest first, dated before a day; with what each has come to."""
        now = self._clock.now()

        def read(connection: psycopg.Connection) -> list[dict[str, Any]]:
            open_cycles(connection, self._books.schema, scope.reseller, now)
            return cycles_json(connection, scope.reseller, now.date(), before=before, size=size)

        return await self._books.run(read)

    async def cycle(self, scope: Scope, cycle_id: str) -> dict[str, Any]:
        """One cycle with the progress of its close and the reports that wait for somebody."""
        today = self._clock.now().date()
        found = await self._books.run(
            lambda connection: cycle_json(connection, scope.reseller, cycle_id, today)
        )
        if found is None:
            raise not_found("billing cycle")
        return found

    async def close(
        self, scope: Scope, cycle_id: str, command: Command, *, expected: int | None = None
    ) -> dict[str, Any]:
        """Begin the close of a cycle; one that has begun is answered as it was (R10.3). Workers do the rest.

        Raises `Problem`: `not-found`, `version-conflict`, `window-open`, `earlier-cycle-open`.
        """
        now = self._clock.now()
        meta = command_meta(scope, command, now, partition_key=scope.reseller)

        def act(connection: psycopg.Connection) -> None:
            begin_close(
                connection,
                cycle_id,
                self._books.watermark,
                reseller=scope.reseller,
                now=now,
                meta=meta,
                expected=expected,
            )

        await self._once(scope, command, now, act)
        return await self.cycle(scope, cycle_id)

    async def issue(self, scope: Scope, report_id: str, command: Command) -> dict[str, Any]:
        """Issue a report by itself; one that is issued is answered as it was issued (R10.3).

        Raises `Problem`: `not-found` and what `issue_one` raises.
        """
        key = await self._key(scope, report_id)
        now = self._clock.now()
        meta = command_meta(scope, command, now, partition_key=key.customer_id)

        def act(connection: psycopg.Connection) -> None:
            issue_one(
                connection,
                self._books.schema,
                key,
                self._books.watermark,
                reseller=scope.reseller,
                now=now,
                meta=meta,
            )

        await self._once(scope, command, now, act)
        return summary(await self._reports.report(scope, report_id))

    async def hold(self, scope: Scope, report_id: str, command: Command) -> dict[str, Any]:
        """Let the cycle close without a blocked report, in the caller's name; `X-Reason` says why.

        Raises `Problem`: `not-found`, `not-blocked`.
        """
        key = await self._key(scope, report_id)
        now = self._clock.now()

        def act(connection: psycopg.Connection) -> None:
            hold_one(connection, key, reseller=scope.reseller, actor=scope.actor, reason=command.reason)

        await self._once(scope, command, now, act)
        return summary(await self._reports.report(scope, report_id))

    async def _once(
        self, scope: Scope, command: Command, now: datetime, act: Callable[[psycopg.Connection], None]
    ) -> None:
        """Do a command in one transaction with its key, once; cycles that time has reached are opened before."""

        def work(connection: psycopg.Connection) -> None:
            open_cycles(connection, self._books.schema, scope.reseller, now)

            def done() -> dict[str, Any]:
                act(connection)
                return {}

            do_once(connection, command, now, done)

        async with self._turn:
            await self._books.run(work)

    async def _key(self, scope: Scope, report_id: str) -> ReportKey:
        key = await self._names.report(scope, report_id)
        if key is None:
            raise not_found("report")
        return key
