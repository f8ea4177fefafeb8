"""What the use cases need, as protocols, and what passes between them and the adapters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from csp_partner_feed.domain.drift import Policy
from csp_partner_feed.domain.observation import Resource
from csp_partner_feed.domain.wishes import Wish
from csp_runtime.scope import Scope
from csp_runtime.store import CommandKey


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
    ticket: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


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


class DriftInbox(Protocol):
    """The drift inbox, read."""

    async def listed(self, scope: Scope, *, is_open: bool, after: str | None, limit: int) -> Sequence[Drift]:
        """A page of what waits for a decision, oldest first, or of what was decided, newest first."""

    async def get(self, scope: Scope, drift_id: str) -> Drift | None:
        """One that waits for a decision."""


class Drifts(Protocol):
    """The drift inbox, written."""

    async def resolve(
        self,
        key: tuple[str, str, str, int],
        decision: Decision,
        *,
        ours: Mapping[str, str | None] | None = None,
        of: tuple[str, str, str] | None = None,
        asked: CommandKey | None = None,
    ) -> None:
        """Close it: (reseller, tenant, drift, version); what `ours` and `of` are for, see there. `asked` is kept with it."""

    async def check_key(self, asked: CommandKey) -> None:
        """Raise `KeyAlreadyUsed` or `KeyReused` where the command was given before."""


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
