"""What the routes of both surfaces share: who asks, how a page is asked for, how a command is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response

from csp_gateway.adapters.owners import Caller, Owners
from csp_gateway.adapters.paging import Page
from csp_gateway.adapters.screens import Row, Screens
from csp_gateway.domain import expected_version
from csp_gateway.models import Meta, Operation, OperationStep, PageMeta
from csp_gateway.models import Problem as ProblemModel
from csp_gateway.operations import OperationView, as_begun, wait_seconds
from csp_runtime.clock import Clock
from csp_runtime.consistency import KnownVersions, to_token
from csp_runtime.http import AnyScope, AwaitedVersions
from csp_runtime.problems import InvalidParameter, Problem
from csp_runtime.scope import CUSTOMER_ROLES, RESELLER_ROLES, Role, Scope


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


async def reseller_scope(scope: AnyScope) -> Scope:
    """Staff of a reseller; 403 for others."""
    if not scope.roles & (RESELLER_ROLES | {Role.SERVICE}):
        raise Problem("forbidden", "This surface is for the reseller's staff")
    return scope


async def customer_scope(scope: AnyScope) -> Scope:
    """People of a customer; 403 for others."""
    if not scope.roles & CUSTOMER_ROLES or scope.customer is None:
        raise Problem("forbidden", "This surface is for customers")
    return scope


ResellerScope = Annotated[Scope, Depends(reseller_scope)]
CustomerScope = Annotated[Scope, Depends(customer_scope)]


async def page_of(
    size: Annotated[int, Query(alias="page[size]", ge=1, le=500)] = 50,
    after: Annotated[str | None, Query(alias="page[after]", max_length=2000)] = None,
) -> Page:
    """Which page is asked for."""
    return Page(size=size, after=after)


UsePage = Annotated[Page, Depends(page_of)]


async def caller_of(request: Request, scope: AnyScope) -> Caller:
    """What travels to the owner: the caller's own token, once it is verified."""
    return Caller(bearer=request.state.bearer, correlation_id=request.headers.get("X-Correlation-Id"))


UseCaller = Annotated[Caller, Depends(caller_of)]


async def waited(parts: UseParts, versions: AwaitedVersions) -> None:
    """Wait for the rows that the caller's Consistency-Token names; 503 where they do not come in time."""
    await parts.known.wait_for(versions)


Waited = Depends(waited)

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


def list_meta(request: Request, parts: Parts, page: Page, cursor: str | None) -> Meta:
    """The meta of a page; `next` keeps all parameters."""
    following = None
    if cursor is not None:
        url = request.url.include_query_params(**{"page[after]": cursor})
        following = f"{url.path}?{url.query}"
    return Meta(page=PageMeta(size=page.size, next=following), as_of=parts.clock.now())


async def answer_operation(
    parts: Parts, scope: Scope, begun: Mapping[str, Any], prefer: str | None, response: Response, surface: str
) -> Operation:
    """202 with the operation, or 200 if the caller waited for its end; its Consistency-Token either way."""
    seconds = wait_seconds(prefer)
    row = await parts.operations.wait(scope, begun["operation_id"], seconds)
    shown: Row = row if row is not None else as_begun(begun)
    response.headers["Consistency-Token"] = to_token(
        {begun["operation_id"]: begun["version"], **shown["token"]}
    )
    response.headers["Location"] = f"{surface}/operations/{begun['operation_id']}"
    if begun["is_replay"]:
        response.headers["Idempotency-Replayed"] = "true"
    if shown["status"] in ("succeeded", "failed", "cancelled", "expired"):
        response.status_code = 200
    else:
        response.status_code = 202
        response.headers["Retry-After"] = "1"
    return operation_view(shown)


def operation_view(row: Row) -> Operation:
    """A row of the operations screen."""
    return Operation(
        id=row["operation_id"],
        kind=row["kind"],
        status=row["status"],
        subject=row["subject"],
        requested_by=row["requested_by"],
        reason=row["reason"],
        steps=[OperationStep(**step) for step in row["steps"]],
        resources=row["resources"],
        problem=row["problem"],
        requested_at=row["requested_at"],
        updated_at=row["updated_at"],
    )


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
