"""Contract events into billing's own log of record, and what billing must know of customers and settings."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.codec import encode_event, encode_meta
from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.pricing_v1 import (
    SubscriptionCostLocked,
    SubscriptionPriceEdited,
    SubscriptionPriceLocked,
)
from csp_contracts.provisioning_v1 import (
    CustomerAdded,
    ResellerSettingChanged,
    TenantCreated,
    TenantDiscovered,
    TenantLinked,
)
from csp_contracts.registry import all_types
from csp_contracts.subscriptions_v1 import BillingStartChanged, SubscriptionCreated
from csp_runtime.database import Connection

# A close takes this lock exclusively while it reads the watermark: a late commit must not be lost below it.
INBOX_LOCK = 7_206_554


class Inbox:
    """Every fact about a subscription and its price, once."""

    name = "billing.inbox"
    contexts = ("provisioning", "subscriptions", "pricing")
    streams = frozenset(
        {Kind.RESELLER, Kind.CUSTOMER, Kind.TENANT, Kind.SUBSCRIPTION, Kind.SUBSCRIPTION_PRICE}
    )

    def __init__(self) -> None:
        facts = {each.cls for each in all_types() if each.stream is Kind.SUBSCRIPTION}
        self._facts = facts | {SubscriptionPriceLocked, SubscriptionCostLocked, SubscriptionPriceEdited}
        self.types = frozenset(
            self._facts
            | {CustomerAdded, ResellerSettingChanged, TenantCreated, TenantDiscovered, TenantLinked}
        )

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """A statement for each kind of row; what they tell apart is the kind, so its order in the batch is kept."""
        await _keep_customers(tx, [event for event in events if isinstance(event.data, CustomerAdded)])
        await _keep_settings(
            tx, [event for event in events if isinstance(event.data, ResellerSettingChanged)]
        )
        tenants = [event for event in events if isinstance(event.data, TenantCreated | TenantDiscovered)]
        await _keep_tenants(tx, tenants)
        facts = [event for event in events if type(event.data) in self._facts]
        if facts:
            await _keep_facts(tx, facts)
            await _keep_subscriptions(tx, [e for e in facts if isinstance(e.data, SubscriptionCreated)])
            await _move_billing_starts(tx, [e for e in facts if isinstance(e.data, BillingStartChanged)])
        for event in events:
            if isinstance(event.data, TenantLinked):
                await _link(tx, event)


async def _keep_facts(tx: Connection, facts: Sequence[Recorded[Any]]) -> None:
    """The log of record; a subscription that was over is looked at again by the next close."""
    await tx.execute("select pg_advisory_xact_lock_shared(%s)", [INBOX_LOCK])
    encoded = [encode_event(event.data) for event in facts]
    names = [event.data.subscription_id for event in facts]
    await tx.execute(
        "insert into inbox (reseller_id, subscription_id, stream, version, type, data, meta) "
        "select * from unnest(%b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::bytea[], %b::bytea[]) "
        "on conflict (stream, version) do nothing",
        [
            [event.meta.reseller for event in facts],
            names,
            [event.stream for event in facts],
            [event.version for event in facts],
            [wire_name for wire_name, _ in encoded],
            [data for _, data in encoded],
            [encode_meta(event.meta) for event in facts],
        ],
    )
    await tx.execute(
        "update subscriptions set settled = false where settled and subscription_id = any(%s)",
        [list(dict.fromkeys(names))],
    )


async def _keep_subscriptions(tx: Connection, created: Sequence[Recorded[SubscriptionCreated]]) -> None:
    """What a subscription is billed under, and to whom as far as its tenant's customer is known."""
    if not created:
        return
    data = [event.data for event in created]
    await tx.execute(
        "insert into subscriptions (subscription_id, reseller_id, tenant_id, product_title, currency, rule_set, term, "
        "charge_cycle, auto_renew, billing_from, base_subscription_id, predecessor_id, began_on, bills_from, customer_id, known_at) "
        "select n.*, t.customer_id, i.arrival from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], "
        "%s::text[], %s::text[], %s::text[], %s::bool[], %s::date[], %s::text[], %s::text[], %s::date[], %s::date[]) "
        "as n (subscription_id, reseller_id, tenant_id, product_title, currency, rule_set, term, charge_cycle, auto_renew, "
        "billing_from, base_id, predecessor_id, began_on, bills_from) "
        # Row by row through the index, whatever the planner thinks of a log that grows: never all of it.
        "cross join lateral (select arrival from inbox where stream = n.subscription_id and version = 1 offset 0) as i "
        "left join tenant_customer t on t.tenant_id = n.tenant_id and t.reseller_id = n.reseller_id "
        "on conflict do nothing",
        [
            [each.subscription_id for each in data],
            [event.meta.reseller for event in created],
            [each.tenant_id for each in data],
            [each.product_title for each in data],
            [each.currency for each in data],
            [each.rule_set for each in data],
            [each.term for each in data],
            [each.charge_cycle for each in data],
            [each.auto_renew for each in data],
            [each.billing_from for each in data],
            [each.base_subscription_id for each in data],
            [each.predecessor_id for each in data],
            [event.meta.effective_at.date() for event in created],
            [
                each.billing_from or event.meta.effective_at.date()
                for each, event in zip(data, created, strict=True)
            ],
        ],
    )


async def _move_billing_starts(tx: Connection, moved: Sequence[Recorded[BillingStartChanged]]) -> None:
    """From when imported subscriptions are billed by now; a fold reads it from the log, as of its watermark (R9.7).

    The reseller's first window begins with the earliest day of all, and never later than it once did.
    """
    for event in moved:
        await tx.execute(
            "update subscriptions set billing_from = %s, bills_from = least(bills_from, %s), billing_start_moved = true "
            "where reseller_id = %s and subscription_id = %s",
            [event.data.billing_from, event.data.billing_from, event.meta.reseller, event.stream],
        )


async def _keep_customers(tx: Connection, added: Sequence[Recorded[CustomerAdded]]) -> None:
    if added:
        await tx.execute(
            "insert into customers (customer_id, reseller_id, name, status) "
            "select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[]) on conflict do nothing",
            [
                [event.data.customer_id for event in added],
                [event.meta.reseller for event in added],
                [event.data.name for event in added],
                [event.data.status for event in added],
            ],
        )


async def _keep_tenants(tx: Connection, told: Sequence[Recorded[TenantCreated | TenantDiscovered]]) -> None:
    """Whose a tenant is; its subscriptions that were told of before it get their customer."""
    if told:
        await tx.execute(
            "with told as (select * from unnest(%s::text[], %s::text[], %s::text[]) as t (tenant_id, reseller_id, customer_id)), "
            "kept as (insert into tenant_customer (tenant_id, reseller_id, customer_id) select * from told "
            "on conflict do nothing returning tenant_id, reseller_id, customer_id) "
            "update subscriptions s set customer_id = kept.customer_id from kept where s.tenant_id = kept.tenant_id "
            "and s.reseller_id = kept.reseller_id and s.customer_id is null",
            [
                [event.data.tenant_id for event in told],
                [event.meta.reseller for event in told],
                [event.data.customer_id for event in told],
            ],
        )


async def _link(tx: Connection, event: Recorded[TenantLinked]) -> None:
    """Open items move to the customer linked to: what the other's held reports waited with goes with them.

    To an unallocated customer nothing was ever issued, so that nothing issued to it can be corrected.
    """
    data, reseller = event.data, event.meta.reseller
    await tx.execute(
        "update tenant_customer set customer_id = %s where tenant_id = %s and reseller_id = %s",
        [data.to_customer_id, data.tenant_id, reseller],
    )
    await tx.execute(
        "with moved as (update subscriptions set customer_id = %s where tenant_id = %s and reseller_id = %s "
        "returning subscription_id) insert into moved_subscriptions (reseller_id, from_customer_id, subscription_id) "
        "select %s, %s, subscription_id from moved where not exists ("
        "select from customers where customer_id = %s and reseller_id = %s and status = 'unallocated') on conflict do nothing",
        [
            data.to_customer_id,
            data.tenant_id,
            reseller,
            reseller,
            data.from_customer_id,
            data.from_customer_id,
            reseller,
        ],
    )
    await tx.execute(
        "delete from reports where reseller_id = %s and customer_id = %s and state in ('blocked', 'held')",
        [reseller, data.from_customer_id],
    )


async def _keep_settings(tx: Connection, changed: Sequence[Recorded[ResellerSettingChanged]]) -> None:
    if changed:
        await tx.execute(
            "insert into reseller_settings (reseller_id, setting, value, effective_on, stream_version) "
            "select * from unnest(%s::text[], %s::text[], %s::text[], %s::date[], %s::bigint[]) on conflict do nothing",
            [
                [event.meta.reseller for event in changed],
                [event.data.setting for event in changed],
                [event.data.value for event in changed],
                [event.data.effective_on for event in changed],
                [event.version for event in changed],
            ],
        )
