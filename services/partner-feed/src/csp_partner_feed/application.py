"""Use cases: read again, refresh a customer, show how fresh everything is, hand over a person's fields."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from csp_partner_feed.domain.drift import Policy
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Wish
from csp_partner_feed.ports import (
    Customers,
    Decision,
    Drift,
    DriftInbox,
    Drifts,
    Known,
    Persons,
    Policies,
    PolicyRow,
    StatusRows,
    SyncStatus,
    Wishes,
)
from csp_runtime.clock import Clock
from csp_runtime.commands import key_of
from csp_runtime.errors import KeyAlreadyUsed, KeyReused
from csp_runtime.http import Command
from csp_runtime.problems import Problem, not_found
from csp_runtime.replays import note_replay
from csp_runtime.scope import RESELLER_ROLES, Role, Scope

_SERVICES = frozenset({Role.SERVICE})
_STAFF = frozenset({*RESELLER_ROLES, Role.SERVICE})
_ADMINISTRATORS = frozenset({Role.RESELLER_ADMIN, Role.SERVICE})


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
        inbox: DriftInbox,
        drifts: Drifts,
        policies: Policies,
        clock: Clock,
    ) -> None:
        self._inbox = inbox
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
        _check(scope, _SERVICES, "Only services may do this")
        known = await self._known.by_id(resource, resource_id)
        if known is None or known[0] != scope.reseller:
            raise not_found(str(resource))
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
        _check(scope, _STAFF, "Only the reseller's staff may refresh")
        if tenant_id is not None and await self._customers.by_id(scope.reseller, tenant_id) is None:
            raise not_found("tenant")
        return await self._customers.refresh(
            scope.reseller, None if tenant_id is None else [tenant_id], self._clock.now()
        )

    async def status(self, scope: Scope, tenant_id: str | None = None) -> SyncStatus:
        """How fresh everything is. Raises a `Problem`: `forbidden` for customers, `not-found`."""
        _check(scope, _STAFF, "Only the reseller's staff may see this")
        if tenant_id is not None and await self._customers.by_id(scope.reseller, tenant_id) is None:
            raise not_found("tenant")
        return await self._status.status(scope, self._clock.now(), tenant_id)

    async def drifts(
        self, scope: Scope, *, is_open: bool = True, after: str | None = None, limit: int = 100
    ) -> Sequence[Drift]:
        """What waits for a decision, or what was decided. Raises a `Problem` of type `forbidden` for customers."""
        _check(scope, _STAFF, "Only the reseller's staff may see this")
        return await self._inbox.listed(scope, is_open=is_open, after=after, limit=limit)

    async def decide(
        self,
        scope: Scope,
        drift_id: str,
        side: Literal["microsoft", "ours", "ignore"],
        reason: str,
        command: Command,
    ) -> None:
        """Take Microsoft's side (its state is told again, and the owner takes it over), ours (the same, and then the owner is told to
        bring Microsoft back to our values), or leave things as they are. The same command again changes nothing.

        Raises a `Problem`: `forbidden`, `not-found`; `KeyReused` for the key with another decision.
        """
        _check(scope, _ADMINISTRATORS, "Only the reseller's administrators may decide")
        asked = key_of(command, self._clock.now())
        decision = Decision(
            side=side,
            policy=None,
            actor=scope.actor,
            reason=reason,
            ticket=command.ticket,
            correlation_id=command.correlation_id,
            causation_id=command.key,
        )
        try:
            await self._drifts.check_key(asked)
            found = await self._inbox.get(scope, drift_id)
            if found is None:
                raise not_found("drift")
            await self._drifts.resolve(
                (found.reseller, found.tenant_id, found.drift_id, found.version),
                decision,
                ours={field: pair[0] for field, pair in found.fields.items()},
                of=await self._known.by_id(Resource(found.resource), found.resource_id),
                asked=asked,
            )
        except KeyReused:
            raise
        except KeyAlreadyUsed:
            note_replay()

    async def policies(self, scope: Scope) -> Sequence[PolicyRow]:
        """Whose side is taken without asking. Raises a `Problem` of type `forbidden` for customers."""
        _check(scope, _STAFF, "Only the reseller's staff may see this")
        return await self._policies.shown(scope)

    async def set_policy(self, scope: Scope, policy: Policy, reason: str) -> None:
        """Set one; it holds for differences found from now on. Raises a `Problem`: `forbidden`, `not-found` (the tenant)."""
        _check(scope, _ADMINISTRATORS, "Only the reseller's administrators may set policies")
        if policy.tenant_id and await self._customers.by_id(scope.reseller, policy.tenant_id) is None:
            raise not_found("tenant")
        await self._policies.put(scope, policy, reason, self._clock.now())

    async def person(self, scope: Scope, observation_id: str) -> dict[str, str | None]:
        """The personal fields of an observation, for the service that owns the user. Raises a `Problem`: `forbidden`,
        `not-found` (also after erasure)."""
        _check(scope, _SERVICES, "Only services may do this")
        found = await self._persons.fetch(scope.reseller, observation_id)
        if found is None:
            raise not_found("person")
        return found

    async def erase_person(self, scope: Scope, microsoft_user_id: str) -> int:
        """Forget the personal fields of a user. Raises a `Problem` of type `forbidden`."""
        _check(scope, _SERVICES, "Only services may do this")
        return await self._persons.erase(scope.reseller, microsoft_user_id.lower())


def _check(scope: Scope, roles: frozenset[Role], reason: str) -> None:
    if not scope.roles & roles:
        raise Problem("forbidden", reason)
