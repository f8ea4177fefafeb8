"""How fresh the data from Microsoft is."""

from datetime import datetime

from pydantic import Field

from csp_gateway.models.base import Body, Money, View


class ChannelFreshness(View):
    """One channel of one tenant, or of the reseller as a whole (`tenant_id` null)."""

    channel: str = Field(
        description="webhook, audit, graph_delta, comparison, first_sync, refresh, licences, customers or registration"
    )
    tenant_id: str | None
    succeeded_at: datetime | None = Field(description="when the last successful look began")
    failed_at: datetime | None
    fault: str | None = Field(description="code of the last failure; null since the channel worked again")
    age_seconds: float | None


class FirstSynchronisation(View):
    """The import of the reseller's existing book."""

    started_at: datetime
    finished_at: datetime | None
    is_listed: bool = Field(description="whether all customers are known; `customers` is final then")
    customers: int
    done: int
    customers_a_minute: float | None
    remaining_seconds: float | None


class SyncStatus(View):
    """How fresh the data from Microsoft is."""

    now: datetime
    customers: int
    pending_reads: int = Field(description="resources that wait to be read")
    stands_still: list[str] = Field(
        description="where events come from that have not reached these answers for more than a minute; none where all flows"
    )
    first_synchronisation: FirstSynchronisation | None
    channels: list[ChannelFreshness] = Field(
        description="the reseller's channels and the failing ones of tenants; all of one tenant where it is named"
    )


class Refresh(Body):
    """Which tenant to read in full; absent: all of them."""

    tenant_id: str | None = Field(None, max_length=100)


class Refreshing(View):
    """What was begun."""

    customers: int = Field(description="how many customers will be read")


class Unallocated(View):
    """A discovered tenant that belongs to no customer of yours: what it costs is billed to nobody."""

    tenant_id: str
    customer_id: str = Field(description="its own organisation; its subscriptions are listed under it")
    domain: str
    company_name: str
    discovered_at: datetime
    subscriptions: int = Field(description="those that Microsoft charges for")
    seats: int
    monthly_cost: Money | None = Field(description="at the locked cost prices; null where none is known")
    without_cost: int = Field(
        description="subscriptions among them whose cost is not known, and not in the sum"
    )
