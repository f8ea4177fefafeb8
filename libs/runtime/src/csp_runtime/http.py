"""The HTTP edge that all services share: scope, idempotency keys, problems, readiness."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import psycopg
from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

from csp_runtime.auth import TokenVerifier
from csp_runtime.consistency import MalformedToken, ReadModelBehind, from_token
from csp_runtime.errors import KeyReused, VersionConflict
from csp_runtime.heads import Heads
from csp_runtime.logs import logger
from csp_runtime.problems import MEDIA_TYPE, RETRYABLE, InvalidParameter, Problem
from csp_runtime.replays import Replays
from csp_runtime.scope import Scope
from csp_runtime.secret_box import SealBroken
from csp_runtime.server_spans import ServerSpans
from csp_runtime.telemetry import trace_id

log = logger(__name__)

OUTAGE_RETRY_SECONDS = 2


def create_app(title: str, verifier: TokenVerifier, *, version: str = "1.0.0", docs: bool = False) -> FastAPI:
    """An app whose every failure is a problem document. With `docs` its page of routes comes from here, too: no browser that holds a
    token loads a script from elsewhere, and a machine without internet shows it."""
    app = (FastAPIOffline if docs else FastAPI)(
        title=title,
        version=version,
        docs_url="/docs" if docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if docs else None,
        # FastAPI's own spans are one for each dependency, and show the texts of exceptions; ours is one for each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.verifier = verifier
    app.add_middleware(Heads)
    app.add_middleware(Replays)
    app.add_middleware(ServerSpans)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(KeyReused, _on_key_reused)
    app.add_exception_handler(VersionConflict, _on_version_conflict)
    app.add_exception_handler(ReadModelBehind, _on_behind)
    app.add_exception_handler(MalformedToken, _on_malformed_token)
    app.add_exception_handler(SealBroken, _on_seal_broken)
    for outage in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, httpx.TransportError):
        app.add_exception_handler(outage, _on_outage)
    app.add_exception_handler(Exception, _on_anything)
    return app


async def scope_of(request: Request) -> Scope:
    """The caller's scope; 401 without a valid bearer token."""
    # Read by hand: a declared header costs every request as much as the whole verification of a remembered token.
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("unauthenticated", "A bearer token is needed")
    verifier: TokenVerifier = request.app.state.verifier
    scope = await verifier.verify(token)
    request.state.bearer = token
    return scope


AnyScope = Annotated[Scope, Depends(scope_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What surrounds a command: its key and the digest of its body, and why it was given."""

    caller: str
    key: str
    digest: bytes
    reason: str | None
    ticket: str | None
    correlation_id: str | None


async def command_of(
    request: Request,
    scope: AnyScope,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
    x_reason: Annotated[str | None, Header(max_length=500)] = None,
    x_ticket: Annotated[str | None, Header(max_length=100)] = None,
    x_correlation_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Command:
    """The command's surroundings; 400 without an Idempotency-Key."""
    if not idempotency_key:
        raise Problem("idempotency-key-missing", "This call needs an Idempotency-Key header")
    return Command(
        caller=f"{scope.reseller} {scope.actor} {request.method} {request.url.path}",
        key=idempotency_key,
        digest=hashlib.sha256(await request.body()).digest(),
        reason=x_reason,
        ticket=x_ticket,
        correlation_id=x_correlation_id or trace_id(),
    )


AnyCommand = Annotated[Command, Depends(command_of)]


async def awaited_versions(request: Request) -> dict[str, int]:
    """What a read has to wait for, by its Consistency-Token header; `MalformedToken` where it is none of ours."""
    token = request.headers.get("consistency-token")
    return {} if token is None else from_token(token)


AwaitedVersions = Annotated[dict[str, int], Depends(awaited_versions)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """One part of a process and how to ask whether it is ready."""

    name: str
    probe: Callable[[], Awaitable[bool]]


def add_health(app: FastAPI, parts: Sequence[Readiness], now: Callable[[], Any]) -> None:
    """`/healthz` while the process lives, `/readyz` when every part is ready; it names those that are not."""

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz(response: Response) -> dict[str, Any]:
        ready = await asyncio.gather(*(part.probe() for part in parts), return_exceptions=True)
        waiting = [part.name for part, answer in zip(parts, ready, strict=True) if answer is not True]
        response.status_code = 503 if waiting else 200
        return {"status": "waiting" if waiting else "ready", "waiting_for": waiting, "now": now()}


def problem_response(problem: Problem) -> JSONResponse:
    """A problem as an answer, with the trace it belongs to."""
    headers = {}
    retry_after = problem.retry_after
    if retry_after is None and problem.code in RETRYABLE:
        retry_after = OUTAGE_RETRY_SECONDS
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, round(retry_after)))
    if problem.code == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        problem.as_json(_instance()), status_code=problem.status, headers=headers, media_type=MEDIA_TYPE
    )


def _instance() -> str | None:
    """The trace that a problem belongs to, as its `instance`."""
    found = trace_id()
    return None if found is None else f"urn:trace:{found}"


async def _on_problem(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Problem)  # noqa: S101 - registered for this type
    return problem_response(fault)


async def _on_invalid(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)  # noqa: S101 - registered for this type
    invalid = [_invalid_parameter(error) for error in fault.errors()]
    return problem_response(Problem("validation", "The request breaks a rule", invalid=invalid))


def _invalid_parameter(error: Mapping[str, Any]) -> InvalidParameter:
    source, *path = (str(part) for part in error["loc"])
    reason = str(error["msg"])
    if error["type"] == "json_invalid":  # where a field has its name, a text that is no JSON has a position
        reason, path = f"{reason} at character {'.'.join(path)}: {error['ctx']['error']}", []
    return InvalidParameter(
        field=".".join(path) or source, rule=str(error["type"]), reason=reason, source=source
    )


async def _on_http(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)  # noqa: S101 - registered for this type
    known = {
        404: ("not-found", "There is no such address"),
        405: ("method-not-allowed", "This address does not take that method"),
    }
    code, title = known.get(fault.status_code, ("bad-request", str(fault.detail)))
    response = problem_response(Problem(code, title))
    response.headers.update(fault.headers or {})
    return response


async def _on_key_reused(_: Request, __: Exception) -> Response:
    return problem_response(
        Problem("idempotency-key-reused", "This Idempotency-Key was used with another request")
    )


async def _on_version_conflict(_: Request, __: Exception) -> Response:
    return problem_response(
        Problem("conflict", "The resource was changed at the same moment; try again", retry_after=1)
    )


async def _on_behind(_: Request, fault: Exception) -> Response:
    return problem_response(
        Problem("read-model-behind", "The latest change is not visible yet", str(fault), retry_after=1)
    )


async def _on_malformed_token(_: Request, fault: Exception) -> Response:
    parameter = InvalidParameter(field="Consistency-Token", rule="format", reason=str(fault), source="header")
    return problem_response(Problem("validation", "The request breaks a rule", invalid=[parameter]))


async def _on_seal_broken(_: Request, __: Exception) -> Response:
    return problem_response(Problem("seal-broken", "There is no such secret, or it was seen before"))


async def _on_outage(_: Request, fault: Exception) -> Response:
    log.warning("http.outage", reason=type(fault).__name__)
    return problem_response(Problem("unavailable", "A part of the platform does not answer", retry_after=2))


async def _on_anything(_: Request, fault: Exception) -> Response:
    log.error("http.failed", reason=type(fault).__name__, exc_info=fault)
    return problem_response(Problem("internal", "Something failed on our side"))
