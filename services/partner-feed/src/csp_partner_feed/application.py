"""Use cases: read again, refresh a customer, show how fresh everything is, hand over a person's fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from csp_partner_feed.domain.drift import Policy
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Wish
from csp_runtime.clock import Clock
from csp_runtime.problems import Problem, not_found
from csp_runtime.scope import RESELLER_ROLES, Role, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStatus:
    """One channel of one customer, or of the reseller as a whole (`tenant_id` None). `fault` is the last failure's code."""

    channel: str
    tenant_id: str | None
    succeeded_at: datetime | None
    failed_at: datetime | None
    fault: str | None
    age_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSyncStatus:
    """How far the first synchronisation is. `customers_a_minute` is its mean pace, `remaining_seconds` what that promises."""

    started_at: datetime
    finished_at: datetime | None
    is_listed: bool
    customers: int
    done: int
    customers_a_minute: float | None
    remaining_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStatus:
    """What `/v1/sync/status` shows."""

    now: datetime
    customers: int
    pending_reads: int
    first_synchronisation: FirstSyncStatus | None
    channels: Sequence[ChannelStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A difference that lasts: each field with our value and Microsoft's. `money_minor`: what Microsoft's side is more (or less) a
    month, at the sales price; None without a price. `is_pending`: our side was chosen and is not enforced yet; `fault` is the code
    with which the owner refused to."""

    drift_id: str
    reseller: str
    tenant_id: str
    resource: str
    resource_id: str
    fields: dict[str, list[str | None]]
    money_minor: int | None
    currency: str | None
    suggested_side: str
    found_at: datetime
    age_seconds: float
    version: int
    resolved_at: datetime | None
    side: str | None
    policy: str | None
    decided_by: str | None
    reason: str | None
    fault: str | None
    is_pending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whose side is taken: by a person (`actor`, `reason`) or by a policy."""

    side: str
    policy: str | None
    actor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """What is still to be done so that Microsoft shows our side: field to our value."""

    reseller: str
    drift_id: str
    resource_id: str
    ours: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """A policy as it is shown; `tenant_id` or `field` None: all of them."""

    tenant_id: str | None
    field: str | None
    side: str
    set_by: str
    set_at: datetime
    reason: str


class Drifts(Protocol):
    """The drift inbox."""

    async def listed(self, scope: Scope, *, is_open: bool, after: str | None, limit: int) -> Sequence[Drift]:
        """A page of what waits for a decision, oldest first, or of what was decided, newest first."""

    async def get(self, scope: Scope, drift_id: str) -> Drift | None:
        """One that waits for a decision."""

    async def resolve(
        self,
        key: tuple[str, str, str, int],
        decision: Decision,
        *,
        ours: Mapping[str, str | None] | None = None,
        of: tuple[str, str, str] | None = None,
    ) -> None:
        """Close it: (reseller, tenant, drift, version); what `ours` and `of` are for, see there."""


class Policies(Protocol):
    """Whose side is taken without asking."""

    async def shown(self, scope: Scope) -> Sequence[PolicyRow]:
        """The reseller's policies."""

    async def put(self, scope: Scope, policy: Policy, reason: str, now: datetime) -> None:
        """Set or replace one."""


class StatusRows(Protocol):
    """Where the status comes from."""

    async def status(self, scope: Scope, now: datetime, tenant_id: str | None) -> SyncStatus:
        """Of the scope's reseller; of one customer where named."""


class Wishes(Protocol):
    """Where wishes go."""

    async def want(self, wishes: Sequence[Wish]) -> None:
        """Add them."""


class Customers(Protocol):
    """What is known of the partner's customers."""

    async def refresh(self, reseller: str, tenant_ids: Sequence[str] | None, now: datetime) -> int:
        """Read them in full as soon as possible; how many there are."""

    async def by_id(self, reseller: str, tenant_id: str) -> str | None:
        """Microsoft's id of a customer."""


class Known(Protocol):
    """What is known of resources."""

    async def by_id(self, resource: Resource, resource_id: str) -> tuple[str, str, str] | None:
        """(reseller, Microsoft's tenant id, Microsoft's id)."""


class Persons(Protocol):
    """The erasable table of personal fields."""

    async def fetch(self, reseller: str, observation_id: str) -> dict[str, str | None] | None:
        """The fields of one observation."""

    async def erase(self, reseller: str, microsoft_user_id: str) -> int:
        """Forget a person; how many rows."""


class FeedUseCases:
    """What a caller may ask of the feed."""

    def __init__(
        self,
        *,
        wishes: Wishes,
        customers: Customers,
        known: Known,
        status: StatusRows,
        persons: Persons,
        drifts: Drifts,
        policies: Policies,
        clock: Clock,
    ) -> None:
        self._drifts = drifts
        self._policies = policies
        self._wishes = wishes
        self._customers = customers
        self._known = known
        self._status = status
        self._persons = persons
        self._clock = clock

    async def read_again(self, scope: Scope, resource: Resource, resource_id: str) -> None:
        """Read a resource now and tell the reading whatever it is: its owner dropped an earlier one.

        Raises a `Problem` of type `not-found` for what the feed has not seen yet.
        """
        _only_services(scope)
        known = await self._known.by_id(resource, resource_id)
        if known is None or known[0] != scope.reseller:
            raise not_found(str(resource))
        await self._want(resource, resource_id)

    async def _want(self, resource: Resource, resource_id: str) -> None:
        known = await self._known.by_id(resource, resource_id)
        if known is None:
            return
        reseller, tenant, microsoft_id = known
        await self._wishes.want(
            [
                Wish(
                    reseller=reseller,
                    resource=resource,
                    microsoft_tenant_id=tenant,
                    microsoft_id=microsoft_id,
                    channel=Channel.REFRESH,
                    due_at=self._clock.now() - timedelta(microseconds=1),
                    is_forced=True,
                )
            ]
        )

    async def refresh(self, scope: Scope, tenant_id: str | None) -> int:
        """Read one customer in full, or all of them; how many. Raises a `Problem`: `forbidden`, `not-found`."""
        if not scope.roles & {*RESELLER_ROLES, Role.SERVICE}:
            raise Problem("forbidden", "Only the reseller's staff may refresh")
        if tenant_id is not None and await self._customers.by_id(scope.reseller, tenant_id) is None:
            raise not_found("tenant")
        return await self._customers.refresh(
            scope.reseller, None if tenant_id is None else [tenant_id], self._clock.now()
        )

    async def status(self, scope: Scope, tenant_id: str | None = None) -> SyncStatus:
        """How fresh everything is. Raises a `Problem`: `forbidden` for customers, `not-found`."""
        if not scope.roles & {*RESELLER_ROLES, Role.SERVICE}:
            raise Problem("forbidden", "Only the reseller's staff may see this")
        if tenant_id is not None and await self._customers.by_id(scope.reseller, tenant_id) is None:
            raise not_found("tenant")
        return await self._status.status(scope, self._clock.now(), tenant_id)

    async def drifts(
        self, scope: Scope, *, is_open: bool = True, after: str | None = None, limit: int = 100
    ) -> Sequence[Drift]:
        """What waits for a decision, or what was decided. Raises a `Problem` of type `forbidden` for customers."""
        if not scope.roles & {*RESELLER_ROLES, Role.SERVICE}:
            raise Problem("forbidden", "Only the reseller's staff may see this")
        return await self._drifts.listed(scope, is_open=is_open, after=after, limit=limit)

    async def decide(
        self, scope: Scope, drift_id: str, side: Literal["microsoft", "ours", "ignore"], reason: str
    ) -> None:
        """Take Microsoft's side (its state is told again, and the owner takes it over), ours (the same, and then the owner is told to
        bring Microsoft back to our values), or leave things as they are.

        Raises a `Problem`: `forbidden`, `not-found`.
        """
        if not scope.roles & {Role.RESELLER_ADMIN, Role.SERVICE}:
            raise Problem("forbidden", "Only the reseller's administrators may decide")
        found = await self._drifts.get(scope, drift_id)
        if found is None:
            raise not_found("drift")
        await self._drifts.resolve(
            (found.reseller, found.tenant_id, found.drift_id, found.version),
            Decision(side=side, policy=None, actor=scope.actor, reason=reason),
            ours={field: pair[0] for field, pair in found.fields.items()},
            of=await self._known.by_id(Resource(found.resource), found.resource_id),
        )

    async def policies(self, scope: Scope) -> Sequence[PolicyRow]:
        """Whose side is taken without asking. Raises a `Problem` of type `forbidden` for customers."""
        if not scope.roles & {*RESELLER_ROLES, Role.SERVICE}:
            raise Problem("forbidden", "Only the reseller's staff may see this")
        return await self._policies.shown(scope)

    async def set_policy(self, scope: Scope, policy: Policy, reason: str) -> None:
        """Set one; it holds for differences found from now on. Raises a `Problem`: `forbidden`, `not-found` (the tenant)."""
        if not scope.roles & {Role.RESELLER_ADMIN, Role.SERVICE}:
            raise Problem("forbidden", "Only the reseller's administrators may set policies")
        if policy.tenant_id and await self._customers.by_id(scope.reseller, policy.tenant_id) is None:
            raise not_found("tenant")
        await self._policies.put(scope, policy, reason, self._clock.now())

    async def person(self, scope: Scope, observation_id: str) -> dict[str, str | None]:
        """The personal fields of an observation, for the service that owns the user. Raises a `Problem`: `forbidden`,
        `not-found` (also after erasure)."""
        _only_services(scope)
        found = await self._persons.fetch(scope.reseller, observation_id)
        if found is None:
            raise not_found("person")
        return found

    async def erase_person(self, scope: Scope, microsoft_user_id: str) -> int:
        """Forget the personal fields of a user. Raises a `Problem` of type `forbidden`."""
        _only_services(scope)
        return await self._persons.erase(scope.reseller, microsoft_user_id.lower())


def _only_services(scope: Scope) -> None:
    if Role.SERVICE not in scope.roles:
        raise Problem("forbidden", "Only services may do this")
