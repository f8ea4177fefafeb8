"""Users and licence assignments, by ids alone; names and addresses lie in the owning service's erasable tables."""

from dataclasses import dataclass, field

from csp_contracts.ids import Kind
from csp_contracts.registry import event


@event("csp.identity-sync.user-created.v1", stream=Kind.USER)
@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated:
    """A user exists in the tenant's directory."""

    user_id: str
    tenant_id: str
    microsoft_user_id: str
    is_administrator: bool = False


@event("csp.identity-sync.user-updated.v1", stream=Kind.USER)
@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated:
    """These attributes changed (their names, never their values)."""

    user_id: str
    tenant_id: str
    changed: list[str]


@event("csp.identity-sync.user-deleted.v1", stream=Kind.USER)
@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted:
    """Deleted; it can be restored for 30 days."""

    user_id: str
    tenant_id: str


@event("csp.identity-sync.user-restored.v1", stream=Kind.USER)
@dataclass(frozen=True, slots=True, kw_only=True)
class UserRestored:
    """Taken back within 30 days of its deletion."""

    user_id: str
    tenant_id: str


@event("csp.identity-sync.license-assigned.v1", stream=Kind.USER)
@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseAssigned:
    """The user holds a licence of this directory SKU."""

    user_id: str
    tenant_id: str
    sku_id: str


@event("csp.identity-sync.license-unassigned.v1", stream=Kind.USER)
@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseUnassigned:
    """The user holds a licence of this directory SKU no longer."""

    user_id: str
    tenant_id: str
    sku_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSeats:
    """The part of a SKU's consumed seats that falls on one subscription; `shared` where several hold the SKU."""

    subscription_id: str
    consumed: int
    shared: bool


@event("csp.identity-sync.consumed-seats-changed.v1", stream=Kind.CONSUMED_SEATS)
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumedSeatsChanged:
    """How many seats of a directory SKU are assigned, filled into its subscriptions by earliest renewal."""

    tenant_id: str
    sku_id: str
    available: int
    consumed: int
    subscriptions: list[SubscriptionSeats] = field(default_factory=list)
