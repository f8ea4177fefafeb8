"""What the routes of both surfaces share: who asks, how a page is answered, how a command is answered."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Request, Response

from csp_gateway.adapters.owners import Caller, Owners
from csp_gateway.adapters.paging import Page
from csp_gateway.adapters.screens import Row, Screen, Screens
from csp_gateway.domain import etag, expected_version
from csp_gateway.models.base import Problem as ProblemModel
from csp_gateway.models.operations import Operation
from csp_gateway.operations import SETTLED, OperationView, as_begun, wait_seconds
from csp_gateway.surfaces.listing import CONSISTENCY_TOKEN, Listing
from csp_runtime.clock import Clock
from csp_runtime.consistency import KnownVersions, to_token
from csp_runtime.http import AnyScope, awaited_versions, scope_of
from csp_runtime.problems import InvalidParameter, Problem, not_found
from csp_runtime.scope import CUSTOMER_ROLES, RESELLER_ROLES, Role, Scope

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every route needs."""

    screens: Screens
    owners: Owners
    operations: OperationView
    known: KnownVersions
    clock: Clock


# Dependencies are coroutines although they wait for nothing: FastAPI sends plain functions through a thread.


async def parts_of(request: Request) -> Parts:
    """The parts of the running app."""
    parts: Parts = request.app.state.parts
    return parts


UseParts = Annotated[Parts, Depends(parts_of)]


async def reseller_scope(request: Request) -> Scope:
    """Staff of a reseller; 403 for others."""
    scope = await scope_of(request)
    if not scope.roles & (RESELLER_ROLES | {Role.SERVICE}):
        raise Problem("forbidden", "This surface is for the reseller's staff")
    return scope


async def customer_scope(request: Request) -> Scope:
    """People of a customer; 403 for others."""
    scope = await scope_of(request)
    if not scope.roles & CUSTOMER_ROLES or scope.customer is None:
        raise Problem("forbidden", "This surface is for customers")
    return scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a read of our own rows starts from."""

    parts: Parts
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """One of the two public APIs: routes are written once, as functions of it. Only the reseller's shows cost and margin."""

    path: str
    who: Callable[[Request], Awaitable[Scope]]
    with_cost: bool

    async def reading(self, request: Request) -> Reading:
        """Who reads, once our rows know what the Consistency-Token names; 503 where they do not in time.

        One dependency instead of three: each costs a request a tenth of its query.
        """
        scope = await self.who(request)
        parts: Parts = request.app.state.parts
        versions = await awaited_versions(request)
        if versions:
            await parts.known.wait_for(versions)
        return Reading(parts=parts, scope=scope)


RESELLER = Surface(path="/v1", who=reseller_scope, with_cost=True)
CUSTOMER = Surface(path="/portal/v1", who=customer_scope, with_cost=False)

ResellerScope = Annotated[Scope, Depends(reseller_scope)]
ResellerReading = Annotated[Reading, Depends(RESELLER.reading)]


async def caller_of(request: Request, scope: AnyScope) -> Caller:
    """What travels to the owner: the caller's own token, once it is verified, and what its answer has to know."""
    return Caller(
        bearer=request.state.bearer,
        correlation_id=request.headers.get("X-Correlation-Id"),
        consistency_token=request.headers.get("Consistency-Token"),
    )


UseCaller = Annotated[Caller, Depends(caller_of)]


IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=100)]
Prefer = Annotated[str | None, Header(max_length=100)]


def version_of(if_match: str | None) -> int | None:
    """The stream version that If-Match asks for; 422 for a malformed one."""
    try:
        return expected_version(if_match)
    except ValueError:
        parameter = InvalidParameter(
            field="If-Match", rule="etag", reason="must be an ETag that we gave", source="header"
        )
        raise Problem("validation", "The request breaks a rule", invalid=[parameter]) from None


async def row_of(read: Reading, screen: Screen, key: str, what: str) -> Row:
    """A row of a screen, or 404: the same answer whether it is unknown or somebody else's."""
    row = await read.parts.screens.one(read.scope, screen, key)
    if row is None:
        raise not_found(what)
    return row


def answer_row(request: Request, row: Row, body: str | bytes | None = None) -> Response:
    """A single object with its ETag; 304 where the caller has this very state (`If-None-Match`)."""
    tag = etag(row)
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(row["body"] if body is None else body, media_type=JSON, headers={"ETag": tag})


async def answer_screen(
    request: Request, read: Reading, screen: Screen, listing: Listing, **also: str
) -> Response:
    """A page of a screen as the request asks for it; `also` are columns that the path fixes."""
    asked = listing.asked(request)
    shown, cursor = await read.parts.screens.page(read.scope, screen, {**asked.filters, **also}, asked.page)
    return answer_list(request, read.parts, asked.page, shown, cursor)


def answer_list(
    request: Request,
    parts: Parts,
    page: Page,
    shown: Iterable[str],
    cursor: str | None,
    totals: Mapping[str, Any] | None = None,
) -> Response:
    """A page of rows that are JSON text already; `next` keeps all parameters. `totals` are over all pages."""
    following = None
    if cursor is not None:
        # Of two cursors in a query the last one counts; ours needs no quoting.
        asked = request.scope["query_string"].decode("ascii", "replace").split("&")
        kept = [each for each in asked if each and not each.startswith(("page[after]=", "page%5Bafter%5D="))]
        following = f"{request.scope['path']}?{'&'.join([*kept, f'page%5Bafter%5D={cursor}'])}"
    meta = {"page": {"size": page.size, "next": following}, "as_of": parts.clock.now()}
    if totals is not None:
        meta["totals"] = totals
    return Response(f'{{"data":[{",".join(shown)}],"meta":{as_json(meta)}}}', media_type=JSON)


def as_json(value: Any) -> str:  # what msgspec can encode
    """JSON text."""
    return msgspec.json.encode(value).decode()


async def answer_operation(
    parts: Parts, scope: Scope, begun: Mapping[str, Any], prefer: str | None, surface: Surface
) -> Response:
    """202 with the operation, or 200 if the caller waited for its end; its Consistency-Token either way."""
    row = await parts.operations.wait(scope, begun["operation_id"], wait_seconds(prefer))
    token = {begun["operation_id"]: begun["version"], **(row["token"] if row is not None else {})}
    headers = {
        "Consistency-Token": to_token(token),
        "Location": f"{surface.path}/operations/{begun['operation_id']}",
    }
    if begun["is_replay"]:
        headers["Idempotency-Replayed"] = "true"
    if row is not None and row["status"] in SETTLED:
        return Response(row["body"], 200, headers, JSON)
    body = row["body"] if row is not None else as_json(as_begun(begun))
    return Response(body, 202, {**headers, "Retry-After": "1"}, JSON)


_MEANINGS = {
    400: "The request cannot be read",
    401: "A valid bearer token is needed",
    403: "The role does not allow this",
    404: "There is no such thing in the caller's scope",
    409: "The state of the resource does not allow this",
    412: "The resource changed since it was read",
    422: "The request breaks a rule; each fault is named",
    503: "A part of the platform, or Microsoft, does not answer",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented problems of a route; the ones that every route has are added."""
    return {
        status: {
            "model": ProblemModel,
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({400, 401, 403, 422, 503, *statuses})
    }


OPERATION: dict[int | str, dict[str, Any]] = {
    200: {"model": Operation, "description": "It ended while the caller waited (`Prefer: wait=n`)"},
    **problems(404, 409, 412),
}
"""What a command that becomes an operation answers beside 202."""

ONE: dict[int | str, dict[str, Any]] = {
    304: {"description": "The caller has this very state (`If-None-Match`)"},
    **problems(404),
}
"""What a single object answers beside 200."""

ONE_ASKED: dict[str, Any] = {
    "parameters": [
        CONSISTENCY_TOKEN,
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "The ETag of the state that the caller has",
            "schema": {"type": "string"},
        },
    ]
}
"""The headers that reads of a single object take."""

WAITS: dict[str, Any] = {"parameters": [CONSISTENCY_TOKEN]}
"""The header that every read takes."""
