"""Use cases of the match with Microsoft: take an invoice in, look at what became of it, decide, sign off."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import IO, Any

import psycopg

from csp_billing.invoices import decisions
from csp_billing.invoices.faults import FileRefused
from csp_billing.invoices.fetching import ask, fetch_json
from csp_billing.invoices.shown import import_json, imports_json, matches_json, one_match
from csp_billing.invoices.taking import Declared, take
from csp_billing.ports import Books
from csp_contracts.envelope import Meta
from csp_contracts.ids import Kind, named_id
from csp_runtime.clock import Clock
from csp_runtime.commands import command_meta
from csp_runtime.http import Command
from csp_runtime.once import do_once
from csp_runtime.problems import Problem, not_found
from csp_runtime.scope import Scope


class InvoiceUseCases:
    """All of it is the reseller's; the edge has checked that the caller is."""

    def __init__(self, *, books: Books, clock: Clock, fetches: bool) -> None:
        self._books = books
        self._fetches = fetches
        self._clock = clock
        # Each upload holds a connection while it is parsed; more of them at once would starve what folds.
        self._turn = asyncio.Semaphore(2)

    async def take(
        self, scope: Scope, file: IO[bytes], declared: Declared, command: Command
    ) -> dict[str, Any]:
        """Take a file in, whole or not at all; the same file again is answered with its import.

        Raises `Problem`: `validation` that names row, column and rule; `invoice-imported`.
        """
        now = self._clock.now()

        def act(connection: psycopg.Connection) -> dict[str, Any]:
            def taken() -> dict[str, Any]:
                import_id, known = take(
                    connection, file, declared, reseller=scope.reseller, actor=scope.actor, now=now
                )
                return {"id": import_id, "is_known": known}

            return do_once(connection, command, now, taken)

        try:
            async with self._turn:
                answer = await self._books.run(act)
        except FileRefused as refused:
            raise refused.as_problem() from None
        return {**await self.one(scope, answer["id"]), "is_known": answer["is_known"]}

    async def fetch(
        self, scope: Scope, invoice_id: str, adjustment: str | None, command: Command
    ) -> dict[str, Any]:
        """Ask Partner Center for an invoice; a worker fetches it.

        Raises `Problem` `not-built` in a process that has no client of Microsoft's.
        """
        if not self._fetches:
            raise Problem("not-built", "This process does not talk to Microsoft; upload the file")
        fetch_id = named_id(Kind.INVOICE_FETCH, scope.reseller, f"{command.caller}/{command.key}")
        await self._do(
            scope,
            command,
            fetch_id,
            lambda connection, meta: ask(
                connection,
                fetch_id,
                invoice_id,
                adjustment,
                reseller=scope.reseller,
                actor=scope.actor,
                now=meta.recorded_at,
            ),
        )
        return await self.fetched(scope, fetch_id)

    async def fetched(self, scope: Scope, fetch_id: str) -> dict[str, Any]:
        """How far a fetch is."""
        found = await self._books.run(lambda connection: fetch_json(connection, scope.reseller, fetch_id))
        if found is None:
            raise not_found("invoice fetch")
        return found

    async def imports(
        self, scope: Scope, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[dict[str, Any]]:
        """Imports, newest first."""
        return await self._books.run(
            lambda connection: imports_json(connection, scope.reseller, after=after, limit=limit)
        )

    async def one(self, scope: Scope, import_id: str) -> dict[str, Any]:
        """An import with its differences by reason."""
        found = await self._books.run(lambda connection: import_json(connection, scope.reseller, import_id))
        if found is None:
            raise not_found("invoice import")
        return found

    async def matches(self, scope: Scope, import_id: str, **asked: Any) -> list[dict[str, Any]]:
        """Matches of an import, behind a number."""

        def read(connection: psycopg.Connection) -> list[dict[str, Any]] | None:
            if import_json(connection, scope.reseller, import_id) is None:
                return None
            return matches_json(connection, scope.reseller, import_id, **asked)

        found = await self._books.run(read)
        if found is None:
            raise not_found("invoice import")
        return found

    async def sign_off(
        self, scope: Scope, import_id: str, name: str, note: str, command: Command
    ) -> dict[str, Any]:
        """Settle an import for good, in a person's name."""
        await self._do(
            scope,
            command,
            import_id,
            lambda connection, meta: decisions.sign_off(
                connection,
                import_id,
                reseller=scope.reseller,
                actor=scope.actor,
                name=name,
                note=note,
                now=meta.recorded_at,
            ),
        )
        return await self.one(scope, import_id)

    async def discard(self, scope: Scope, import_id: str, command: Command) -> dict[str, Any]:
        """Take an import back that was a mistake."""
        await self._do(
            scope,
            command,
            import_id,
            lambda connection, meta: decisions.discard(connection, self._books.schema, import_id, meta),
        )
        return await self.one(scope, import_id)

    async def match_again(self, scope: Scope, import_id: str, command: Command) -> dict[str, Any]:
        """Match an import once more with what is known now."""
        await self._do(
            scope,
            command,
            import_id,
            lambda connection, _: decisions.match_again(connection, import_id, reseller=scope.reseller),
        )
        return await self.one(scope, import_id)

    async def decide(
        self,
        scope: Scope,
        match_id: str,
        decision: str,
        note: str | None,
        command: Command,
        *,
        adjustment_id: str | None = None,
    ) -> dict[str, Any]:
        """Decide of a difference."""
        await self._do(
            scope,
            command,
            match_id,
            lambda connection, meta: decisions.decide(
                connection,
                self._books.schema,
                match_id,
                decision,
                note=note,
                adjustment_id=adjustment_id,
                meta=meta,
            ),
        )
        found = await self._books.run(lambda connection: one_match(connection, scope.reseller, match_id))
        if found is None:
            raise not_found("match")
        return found

    async def _do(
        self, scope: Scope, command: Command, about: str, act: Callable[[psycopg.Connection, Meta], None]
    ) -> None:
        now = self._clock.now()
        meta = command_meta(scope, command, now, partition_key=scope.reseller)

        def once(connection: psycopg.Connection) -> dict[str, Any]:
            def acted() -> dict[str, Any]:
                act(connection, meta)
                return {"id": about}

            return do_once(connection, command, now, acted)

        await self._books.run(once)
