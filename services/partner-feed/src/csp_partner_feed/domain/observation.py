"""A resource as Microsoft showed it, and whether that is news."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from csp_contracts.ids import Kind, named_id

State = dict[str, str | int | bool | list[dict[str, str | int | None]] | None]


# What the feed adds to a state; Microsoft does not show it.
_OURS = frozenset({"billing_from", "paid_until", "transferred_from", "directory_sku_id"})


class Resource(StrEnum):
    """What can be observed."""

    TENANT = "tenant"
    SUBSCRIPTION = "subscription"
    USER = "user"
    LICENCES = "licences"


class Channel(StrEnum):
    """How we came to look."""

    WEBHOOK = "webhook"
    AUDIT = "audit"
    GRAPH_DELTA = "graph_delta"
    COMPARISON = "comparison"
    FIRST_SYNC = "first_sync"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFact:
    """The activity record behind an observation. Its ids make the observation a fact: written once, at its own time."""

    key: str
    operation: str
    correlation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """`state` holds commercial fields only, None where the resource is gone; `person` the personal ones.

    `began_at`: when the reading began, by our clock. `changed_at`: the notification's or the record's own time.
    """

    reseller: str
    resource: Resource
    microsoft_tenant_id: str
    microsoft_id: str
    channel: Channel
    began_at: datetime
    state: State | None
    changed_at: datetime | None = None
    audit: AuditFact | None = None
    is_first: bool = False
    is_forced: bool = False
    person: Mapping[str, str | None] = field(default_factory=dict, repr=False)

    @property
    def tenant_id(self) -> str:
        """Our id of the tenant."""
        return named_id(Kind.TENANT, self.reseller, self.microsoft_tenant_id)

    @property
    def resource_id(self) -> str:
        """Our id of the resource; licences are the tenant's."""
        match self.resource:
            case Resource.SUBSCRIPTION:
                return named_id(Kind.SUBSCRIPTION, self.reseller, self.microsoft_id)
            case Resource.USER:
                return named_id(Kind.USER, self.reseller, self.microsoft_id)
            case Resource.TENANT | Resource.LICENCES:
                return self.tenant_id

    @property
    def digest(self) -> str:
        """Of the commercial fields: equal digests, equal states. What we add for the owner is no part of it."""
        if self.state is None:
            return digest_of(None)
        return digest_of({name: value for name, value in self.state.items() if name not in _OURS})

    @property
    def person_digest(self) -> str | None:
        """Of the personal fields; stays in the feed's own tables, never in an event."""
        return digest_of(dict(self.person)) if self.person else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was last told of a resource. `digest` None: something happened since, tell the next reading in any case."""

    digest: str | None
    person_digest: str | None
    began_at: datetime


def is_news(seen: Observation, known: Published | None) -> bool:
    """Whether a reading is to be told. Facts always are; their being written once is the store's business.

    A reading that began before the last one told may show an older state, and is dropped.
    """
    if seen.audit is not None:
        return True
    if known is None:
        return seen.state is not None
    if seen.began_at < known.began_at:
        return False
    if seen.is_forced:
        return True
    return seen.digest != known.digest or (
        seen.person_digest is not None and seen.person_digest != known.person_digest
    )


def digest_of(state: object) -> str:
    """A short, stable digest of plain data."""
    return hashlib.blake2b(
        json.dumps(state, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(), digest_size=16
    ).hexdigest()


def billing_start(today: date, close_day: int) -> date:
    """The first day of the report window that is open on a day (R9.7, R3.1)."""
    close = _close(today.year, today.month, close_day)
    if today > close:
        return date.fromordinal(close.toordinal() + 1)
    year, month = (today.year - 1, 12) if today.month == 1 else (today.year, today.month - 1)
    return date.fromordinal(_close(year, month, close_day).toordinal() + 1)


def _close(year: int, month: int, close_day: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    last = date.fromordinal(following.toordinal() - 1).day
    return date(year, month, min(close_day, last))
