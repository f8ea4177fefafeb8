"""The internal edge of the match: uploads as a stream, lists, decisions. To a customer none of it exists."""

import hashlib
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from csp_billing.invoices.cells import EARLIEST, LATEST, storable
from csp_billing.invoices.taking import Declared
from csp_billing.invoices.use_cases import InvoiceUseCases
from csp_runtime.http import AnyCommand, AnyScope, Command, scope_of
from csp_runtime.problems import Problem, invalid, not_found
from csp_runtime.scope import Role, Scope

MOST_BYTES = 512 * 1024 * 1024
_MAY_DECIDE = frozenset({Role.RESELLER_ADMIN, Role.RESELLER_BILLING, Role.SERVICE})
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,4})?", re.ASCII)


class SignOffBody(BaseModel):
    """Who answers for it, and what there is to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    note: str = Field("", max_length=2000)


class FetchBody(BaseModel):
    """Which invoice of Microsoft's, and what it has beside its lines."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    invoice_id: str = Field(min_length=1, max_length=100)
    adjustment: str | None = Field(None, pattern=f"^{_AMOUNT.pattern}$", max_length=30)


class DecisionBody(BaseModel):
    """`accept`: it is as Microsoft says. `dispute`: it is not, and Microsoft was or will be told.

    `adjust`: it is passed on; `adjustment_id` names the adjustment by hand that was granted for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["accept", "dispute", "adjust"]
    adjustment_id: str | None = Field(None, max_length=100)
    note: str | None = Field(None, max_length=2000)


def reseller_staff(scope: AnyScope) -> Scope:
    """The reseller's staff; for customers there is no such thing."""
    if scope.is_customer:
        raise not_found("invoice import")
    return scope


def may_decide(scope: Annotated[Scope, Depends(reseller_staff)]) -> Scope:
    """Staff that answers for money."""
    if not scope.roles & _MAY_DECIDE:
        raise Problem("forbidden", "Your role does not allow to settle invoices")
    return scope


Staff = Annotated[Scope, Depends(reseller_staff)]
Decider = Annotated[Scope, Depends(may_decide)]


async def command_of_upload(
    request: Request,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
    x_reason: Annotated[str | None, Header(max_length=500)] = None,
    x_ticket: Annotated[str | None, Header(max_length=100)] = None,
) -> Command:
    """As `command_of`, without reading the body: its digest is filled in once it has been stored."""
    if not idempotency_key:
        raise Problem("idempotency-key-missing", "This call needs an Idempotency-Key header")
    scope = await scope_of(request)
    return Command(
        caller=f"{scope.reseller} {scope.actor} {request.method} {request.url.path}",
        key=idempotency_key,
        digest=b"",
        reason=x_reason,
        ticket=x_ticket,
        correlation_id=request.headers.get("x-correlation-id"),
    )


UploadCommand = Annotated[Command, Depends(command_of_upload)]


def invoice_routes(use_cases: InvoiceUseCases) -> APIRouter:
    """The routes of the match."""
    router = APIRouter(prefix="/internal/v1")

    @router.post("/invoice-imports", status_code=201)
    async def upload(
        request: Request,
        scope: Decider,
        command: UploadCommand,
        name: Annotated[str, Query(max_length=200)] = "upload",
        invoice_id: Annotated[str | None, Query(max_length=100)] = None,
        total: Annotated[str | None, Query(max_length=30)] = None,
        adjustment: Annotated[str | None, Query(max_length=30)] = None,
        rows: Annotated[int | None, Query(ge=0)] = None,
        from_on: date | None = None,
        until_on: date | None = None,
    ) -> dict[str, Any]:
        if (from_on is None) != (until_on is None) or (from_on and until_on and until_on < from_on):
            raise invalid("until_on", "period", "from_on and until_on are given together and in order")
        for field, day in (("from_on", from_on), ("until_on", until_on)):
            if day is not None and not EARLIEST <= day <= LATEST:
                raise invalid(field, "range", f"must lie between {EARLIEST} and {LATEST}")
        declared = Declared(
            name=storable(name),
            invoice=None if invoice_id is None else storable(invoice_id),
            total=None if total is None else _amount("total", total),
            adjustment=Decimal(0) if adjustment is None else _amount("adjustment", adjustment),
            rows=rows,
            from_on=from_on,
            until_on=until_on,
        )
        async with _stored(request) as (file, digest):
            said = f"{sorted(request.query_params.multi_items())}".encode()
            digest.update(said)
            return await use_cases.take(scope, file, declared, replace(command, digest=digest.digest()))

    @router.get("/invoice-imports")
    async def imports(
        scope: Staff,
        after_at: AwareDatetime | None = None,
        after_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=501)] = 50,
    ) -> list[dict[str, Any]]:
        after: tuple[datetime, str] | None = None
        if after_at is not None and after_id is not None:
            after = (after_at, after_id)
        return await use_cases.imports(scope, after=after, limit=limit)

    @router.get("/invoice-imports/{import_id}")
    async def one(import_id: str, scope: Staff) -> dict[str, Any]:
        return await use_cases.one(scope, import_id)

    @router.get("/invoice-imports/{import_id}/matches")
    async def matches(
        import_id: str,
        scope: Staff,
        reason: Annotated[str | None, Query(max_length=60)] = None,
        customer_id: str | None = None,
        subscription_id: Annotated[str | None, Query(max_length=100)] = None,
        undecided: Literal["true", "false"] | None = None,
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=501)] = 50,
    ) -> list[dict[str, Any]]:
        return await use_cases.matches(
            scope,
            import_id,
            reason=reason,
            customer_id=customer_id,
            subscription_id=subscription_id,
            undecided=None if undecided is None else undecided == "true",
            after=after,
            limit=limit,
        )

    @router.post("/invoice-fetches", status_code=202)
    async def fetch(body: FetchBody, scope: Decider, command: AnyCommand) -> dict[str, Any]:
        return await use_cases.fetch(scope, body.invoice_id, body.adjustment, command)

    @router.get("/invoice-fetches/{fetch_id}")
    async def fetched(fetch_id: str, scope: Staff) -> dict[str, Any]:
        return await use_cases.fetched(scope, fetch_id)

    @router.post("/invoice-imports/{import_id}/sign-off")
    async def sign_off(
        import_id: str, body: SignOffBody, scope: Decider, command: AnyCommand
    ) -> dict[str, Any]:
        return await use_cases.sign_off(scope, import_id, body.name, body.note, command)

    @router.post("/invoice-imports/{import_id}/discard")
    async def discard(import_id: str, scope: Decider, command: AnyCommand) -> dict[str, Any]:
        return await use_cases.discard(scope, import_id, command)

    @router.post("/invoice-imports/{import_id}/match", status_code=202)
    async def match_again(import_id: str, scope: Decider, command: AnyCommand) -> dict[str, Any]:
        return await use_cases.match_again(scope, import_id, command)

    @router.post("/invoice-matches/{match_id}/decide")
    async def decide(
        match_id: str, body: DecisionBody, scope: Decider, command: AnyCommand
    ) -> dict[str, Any]:
        if (body.decision == "adjust") != (body.adjustment_id is not None):
            raise invalid("adjustment_id", "adjust", "is given with the decision `adjust`, and only then")
        return await use_cases.decide(
            scope, match_id, body.decision, body.note, command, adjustment_id=body.adjustment_id
        )

    return router


@asynccontextmanager
async def _stored(request: Request) -> AsyncIterator[tuple[IO[bytes], Any]]:
    """The body on disk, and its digest so far: memory does not depend on its size."""
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MOST_BYTES:
                raise invalid(
                    "body", "size", f"at most {MOST_BYTES // 1024 // 1024} MiB; compress it with gzip"
                )
            digest.update(chunk)
            file.write(chunk)
        file.seek(0)
        yield file, digest


def _amount(field: str, text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise invalid(field, "decimal", "must be an amount such as 1234.56")
    return Decimal(text)
