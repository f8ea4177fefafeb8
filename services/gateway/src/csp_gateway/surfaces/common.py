"""What the routes of both surfaces share: who asks, and what every route needs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Header, Request

from csp_gateway.adapters.owners import Caller, Owners
from csp_gateway.adapters.screen_sql import Screen
from csp_gateway.adapters.screens import Row, Screens
from csp_gateway.domain import expected_version
from csp_gateway.operations import OperationView
from csp_gateway.rate_limits import RateLimits
from csp_runtime.clock import Clock
from csp_runtime.consistency import KnownVersions
from csp_runtime.consumer import Health
from csp_runtime.http import AnyScope, awaited_versions, scope_of
from csp_runtime.problems import InvalidParameter, Problem, not_found
from csp_runtime.scope import CUSTOMER_ROLES, RESELLER_ROLES, Role, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every route needs."""

    screens: Screens
    owners: Owners
    operations: OperationView
    known: KnownVersions
    limits: RateLimits
    clock: Clock
    health: Health = field(default_factory=Health)
    """Of the consumer that fills the screens."""


# Dependencies are coroutines although they wait for nothing: FastAPI sends plain functions through a thread.


async def parts_of(request: Request) -> Parts:
    """The parts of the running app."""
    parts: Parts = request.app.state.parts
    return parts


UseParts = Annotated[Parts, Depends(parts_of)]


async def _counted(request: Request) -> Scope:
    """The caller's scope, once the request is counted; 429 where there were too many."""
    scope = await scope_of(request)
    parts: Parts = request.app.state.parts
    parts.limits.take(scope, request.scope)
    return scope


async def reseller_scope(request: Request) -> Scope:
    """Staff of a reseller; 403 for others."""
    scope = await _counted(request)
    if not scope.roles & (RESELLER_ROLES | {Role.SERVICE}):
        raise Problem("forbidden", "This surface is for the reseller's staff")
    return scope


async def customer_scope(request: Request) -> Scope:
    """People of a customer; 403 for others."""
    scope = await _counted(request)
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


def version_of(if_match: str | None, *, is_needed: bool = False) -> int | None:
    """The stream version that If-Match asks for, None for `*`; 422 for a malformed one, 428 where it is needed and not there."""
    if if_match is None and is_needed:
        raise Problem(
            "if-match-missing",
            "This change needs an If-Match header",
            "Send the ETag that the resource was read with, or `*` for whatever it is now",
        )
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
