"""Contract events in, screens out."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from csp_contracts import event_types  # noqa: F401 - registers every type
from csp_contracts.envelope import Recorded
from csp_contracts.identity_sync_v1 import (
    ConsumedSeatsChanged,
    LicenseAssigned,
    LicenseUnassigned,
    UserCreated,
    UserDeleted,
    UserRestored,
    UserUpdated,
)
from csp_contracts.ids import Kind
from csp_contracts.operations_v1 import (
    OperationApproved,
    OperationProgressed,
    OperationRejected,
    OperationRequested,
    OperationSubmitted,
    OperationSucceeded,
    OperationUncertain,
)
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import (
    AgreementAccepted,
    CustomerAdded,
    TenantCreated,
    TenantDiscovered,
    TenantLinked,
    TenantOffboarded,
)
from csp_contracts.registry import all_types, type_of
from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    ChangeScheduled,
    EffectiveTimeCorrected,
    QuantityChanged,
    ScheduledChangeDropped,
    SubscriptionCancelled,
    SubscriptionConverted,
    SubscriptionCreated,
    SubscriptionExpired,
    SubscriptionReactivated,
    SubscriptionRenamed,
    SubscriptionRenewed,
    SubscriptionSuspended,
)
from csp_runtime.database import Connection

CONTEXTS = ("provisioning", "subscriptions", "identity-sync", "pricing", "billing", "partner-feed")


class Screens:
    """Every screen's rows. Registered types that no screen shows only reach the change feed."""

    name = "gateway.screens"
    contexts = CONTEXTS
    streams = frozenset(Kind) - {Kind.PROCESS, Kind.SEAL}

    def __init__(self) -> None:
        self.types = frozenset(each.cls for each in all_types() if each.public)

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """Rows of the screens, then the change feed."""
        for event in events:
            await _show(tx, event)
        await _feed(tx, events)


async def _show(tx: Connection, event: Recorded[Any]) -> None:
    match event.data:
        case CustomerAdded() | TenantCreated() | TenantDiscovered() | TenantLinked() | TenantOffboarded():
            await _organisation(tx, event)
        case AgreementAccepted() as data:
            await tx.execute(
                "update tenants set agreement_accepted_on = %s, version = %s, updated_at = %s where tenant_id = %s",
                [data.accepted_on, event.version, event.meta.recorded_at, data.tenant_id],
            )
        case SubscriptionCreated() as data:
            await _subscription_created(tx, event, data)
        case SubscriptionPriceLocked() as data:
            await _figures(tx, data.subscription_id, {"unit_price_micro": data.unit_price_micro})
        case SubscriptionCostLocked() as data:
            await _figures(tx, data.subscription_id, {"unit_cost_micro": data.unit_price_micro})
        case UserCreated() | UserUpdated() | UserDeleted() | UserRestored():
            await _user(tx, event)
        case LicenseAssigned() | LicenseUnassigned() as data:
            await _licence(tx, event, data)
        case ConsumedSeatsChanged() as data:
            for part in data.subscriptions:
                seats = {"consumed": part.consumed, "consumed_is_shared": part.shared}
                await _figures(tx, part.subscription_id, seats)
        case _ if event.stream.startswith(f"{Kind.OPERATION}_"):
            await _operation(tx, event)
        case _ if event.stream.startswith(f"{Kind.SUBSCRIPTION}_"):
            await _subscription_changed(tx, event)


async def _figures(tx: Connection, subscription_id: str, figures: Mapping[str, int | bool]) -> None:
    """Figures of other streams: there is no order between streams, so they may come before their subscription and wait."""
    assignments = ", ".join(f"{column} = %s" for column in figures)
    cursor = await tx.execute(
        f"update subscriptions set {assignments}, revision = revision + 1 where subscription_id = %s returning 1",
        [*figures.values(), subscription_id],
    )
    if await cursor.fetchone() is None:
        await tx.execute(
            f"insert into waiting_figures (subscription_id, {', '.join(figures)}) "
            f"values (%s{', %s' * len(figures)}) on conflict (subscription_id) do update set {assignments}",
            [subscription_id, *figures.values(), *figures.values()],
        )


async def _take_waiting_figures(tx: Connection, subscription_id: str) -> None:
    await tx.execute(
        "with waiting as (delete from waiting_figures where subscription_id = %s returning *) "
        "update subscriptions set unit_price_micro = coalesce(waiting.unit_price_micro, subscriptions.unit_price_micro), "
        "unit_cost_micro = coalesce(waiting.unit_cost_micro, subscriptions.unit_cost_micro), "
        "consumed = coalesce(waiting.consumed, subscriptions.consumed), "
        "consumed_is_shared = coalesce(waiting.consumed_is_shared, subscriptions.consumed_is_shared) "
        "from waiting where subscriptions.subscription_id = waiting.subscription_id",
        [subscription_id],
    )


async def _organisation(tx: Connection, event: Recorded[Any]) -> None:
    at = event.meta.recorded_at
    match event.data:
        case CustomerAdded() as data:
            await tx.execute(
                "insert into customers (customer_id, reseller_id, name, country, status, external_refs, version, "
                "created_at, updated_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                [
                    data.customer_id,
                    event.meta.reseller,
                    data.name,
                    data.country,
                    data.status,
                    json.dumps(data.external_refs),
                    event.version,
                    at,
                    at,
                ],
            )
        case TenantCreated() | TenantDiscovered() as data:
            await tx.execute(
                "insert into tenants (tenant_id, reseller_id, customer_id, microsoft_tenant_id, domain, company_name, "
                "country, status, origin, version, created_at, updated_at) "
                "values (%s, %s, %s, %s, %s, %s, %s, 'active', %s, %s, %s, %s) on conflict do nothing",
                [
                    data.tenant_id,
                    event.meta.reseller,
                    data.customer_id,
                    data.microsoft_tenant_id,
                    data.domain,
                    data.company_name,
                    data.country,
                    str(event.meta.origin),
                    event.version,
                    at,
                    at,
                ],
            )
            # What came before the tenant was known to belong to anybody becomes visible now.
            await _assign(tx, data.tenant_id, data.customer_id)
        case TenantLinked() as data:
            await tx.execute(
                "update tenants set customer_id = %s, version = %s, updated_at = %s where tenant_id = %s",
                [data.to_customer_id, event.version, at, data.tenant_id],
            )
            await _assign(tx, data.tenant_id, data.to_customer_id)
        case TenantOffboarded() as data:
            await tx.execute(
                "update tenants set status = 'offboarded', version = %s, updated_at = %s where tenant_id = %s",
                [event.version, at, data.tenant_id],
            )


async def _assign(tx: Connection, tenant_id: str, customer_id: str) -> None:
    await tx.execute(
        "update subscriptions set customer_id = %s, revision = revision + 1 where tenant_id = %s and customer_id <> %s",
        [customer_id, tenant_id, customer_id],
    )
    await tx.execute(
        "update users set customer_id = %s, revision = revision + 1 where tenant_id = %s and customer_id <> %s",
        [customer_id, tenant_id, customer_id],
    )
    await tx.execute(
        "update history set customer_id = %s where subscription_id in "
        "(select subscription_id from subscriptions where tenant_id = %s)",
        [customer_id, tenant_id],
    )


async def _customer_of(tx: Connection, tenant_id: str) -> str:
    cursor = await tx.execute("select customer_id from tenants where tenant_id = %s", [tenant_id])
    row = await cursor.fetchone()
    # Unknown = hidden until known: the empty customer is inside no customer's scope.
    return "" if row is None else str(row["customer_id"])


async def _subscription_created(tx: Connection, event: Recorded[Any], data: SubscriptionCreated) -> None:
    renews_on = None
    if data.commitment_ends_on is not None and data.auto_renew:
        renews_on = data.commitment_ends_on + timedelta(days=1)
    customer = await _customer_of(tx, data.tenant_id)
    await tx.execute(
        "insert into subscriptions (subscription_id, reseller_id, customer_id, tenant_id, microsoft_subscription_id, "
        "product, product_title, friendly_name, commerce, term, charge_cycle, quantity, status, auto_renew, renews_on, "
        "commitment_ends_on, seat_lots, currency, unit_price_micro, directory_sku_id, origin, started_at, version, "
        "updated_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict do nothing",
        [
            data.subscription_id,
            event.meta.reseller,
            customer,
            data.tenant_id,
            data.microsoft_subscription_id,
            data.product,
            data.product_title,
            data.friendly_name,
            data.commerce,
            data.term,
            data.charge_cycle,
            data.quantity,
            data.status,
            data.auto_renew,
            renews_on,
            data.commitment_ends_on,
            _lots(data.seat_lots),
            data.currency,
            None if data.quote is None else data.quote.unit_price_micro,
            data.directory_sku_id,
            str(event.meta.origin),
            event.meta.effective_at,
            event.version,
            event.meta.recorded_at,
        ],
    )
    await _take_waiting_figures(tx, data.subscription_id)
    await _history(tx, event, customer)


async def _subscription_changed(tx: Connection, event: Recorded[Any]) -> None:
    changes = {} if event.meta.superseded else _changes(event.data)
    assignments = "".join(f", {column} = %s" for column in changes)
    cursor = await tx.execute(
        f"update subscriptions set version = %s, updated_at = %s{assignments} where subscription_id = %s "
        "returning customer_id",
        [event.version, event.meta.recorded_at, *changes.values(), event.stream],
    )
    row = await cursor.fetchone()
    await tx.execute(
        "update subscriptions set renews_on = case when auto_renew and status in ('active', 'suspended') "
        "then commitment_ends_on + 1 end where subscription_id = %s",
        [event.stream],
    )
    await _history(tx, event, "" if row is None else str(row["customer_id"]))


def _changes(data: Any) -> dict[str, Any]:  # any event of a subscription
    match data:
        case QuantityChanged():
            lots = {"seat_lots": _lots(data.seat_lots)} if data.seat_lots else {}
            return {"quantity": data.quantity, "scheduled_quantity": None, **lots}
        case SubscriptionSuspended():
            return {"status": "suspended"}
        case SubscriptionReactivated():
            return {"status": "active", "quantity": data.quantity}
        case SubscriptionCancelled():
            return {"status": "cancelled", "auto_renew": False}
        case SubscriptionExpired():
            return {"status": "expired"}
        case SubscriptionRenewed():
            return {
                "product": data.product,
                "product_title": data.product_title,
                "term": data.term,
                "charge_cycle": data.charge_cycle,
                "quantity": data.quantity,
                "commitment_ends_on": data.commitment_ends_on,
                "seat_lots": _lots(data.seat_lots),
                "scheduled_quantity": None,
            }
        case SubscriptionConverted():
            return {
                "product": data.product,
                "product_title": data.product_title,
                "charge_cycle": data.charge_cycle,
                "quantity": data.quantity,
            }
        case AutoRenewChanged():
            return {"auto_renew": data.end_of_term == "renew"}
        case ChangeScheduled():
            return {"scheduled_quantity": data.quantity}
        case ScheduledChangeDropped():
            return {"scheduled_quantity": None}
        case SubscriptionRenamed():
            return {"friendly_name": data.friendly_name}
        case EffectiveTimeCorrected():
            return {}
        case _:
            return {}


async def _history(tx: Connection, event: Recorded[Any], customer: str) -> None:
    if isinstance(event.data, EffectiveTimeCorrected):
        await tx.execute(
            "update history set effective_at = %s where subscription_id = %s and version = %s",
            [event.meta.effective_at, event.stream, event.data.corrected_version],
        )
    what = type_of(type(event.data)).wire_name.split(".")[2]
    details = msgspec.to_builtins(event.data)
    await tx.execute(
        "insert into history (reseller_id, customer_id, subscription_id, version, what, effective_at, recorded_at, "
        "origin, actor, reason, details, superseded) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict do nothing",
        [
            event.meta.reseller,
            customer,
            event.stream,
            event.version,
            what,
            event.meta.effective_at,
            event.meta.recorded_at,
            str(event.meta.origin),
            event.meta.actor,
            event.meta.reason,
            json.dumps(
                {
                    name: details.get(name)
                    for name in ("previous", "quantity", "end_of_term", "corrected_version")
                    if name in details
                }
            ),
            event.meta.superseded,
        ],
    )


async def _operation(tx: Connection, event: Recorded[Any]) -> None:
    at, version = event.meta.recorded_at, event.version
    match event.data:
        case OperationRequested() as data:
            status = "waiting_approval" if data.requires_approval else "pending"
            await tx.execute(
                "insert into operations (operation_id, reseller_id, customer_id, kind, status, subject, requested_by, "
                "reason, steps, resources, token, version, requested_at, updated_at) "
                "values (%s, %s, %s, %s, %s, %s, %s, %s, '[]', '[]', %s, %s, %s, %s) on conflict do nothing",
                [
                    data.operation_id,
                    event.meta.reseller,
                    event.meta.customer,
                    data.kind,
                    status,
                    data.subject,
                    event.meta.actor,
                    event.meta.reason,
                    json.dumps({data.operation_id: version}),
                    version,
                    at,
                    at,
                ],
            )
        case OperationApproved() as data:
            await _operation_state(tx, event, "pending")
        case OperationSubmitted() as data:
            await _operation_state(tx, event, "running", step=data.step, step_status="running")
        case OperationProgressed() as data:
            await _operation_state(tx, event, "running", step=data.step, step_status="succeeded")
        case OperationUncertain() as data:
            await _operation_state(
                tx, event, "waiting_upstream", step=data.step, step_status="waiting_upstream"
            )
        case OperationSucceeded() as data:
            await _operation_state(tx, event, "succeeded")
            await tx.execute(
                "update operations set resources = %s, token = token || %s::jsonb, "
                "steps = (select coalesce(jsonb_agg(jsonb_set(s, '{status}', '\"succeeded\"')), '[]') "
                "from jsonb_array_elements(steps) s) where operation_id = %s",
                [json.dumps(data.resources), json.dumps(data.versions), data.operation_id],
            )
        case OperationRejected() as data:
            await _operation_state(tx, event, "failed")
            await tx.execute(
                "update operations set problem = %s where operation_id = %s",
                [json.dumps(data.problem), data.operation_id],
            )
    await tx.execute("select pg_notify('csp_operation', %s)", [event.stream])


async def _operation_state(
    tx: Connection, event: Recorded[Any], status: str, *, step: str | None = None, step_status: str = ""
) -> None:
    await tx.execute(
        "update operations set status = %s, version = %s, updated_at = %s, token = token || %s::jsonb "
        "where operation_id = %s",
        [
            status,
            event.version,
            event.meta.recorded_at,
            json.dumps({event.stream: event.version}),
            event.stream,
        ],
    )
    if step is None:
        return
    entry = json.dumps([{"name": step, "status": step_status}])
    await tx.execute(
        "update operations set steps = (select coalesce(jsonb_agg(s), '[]') from jsonb_array_elements(steps) s "
        "where s->>'name' <> %s) || %s::jsonb where operation_id = %s",
        [step, entry, event.stream],
    )


async def _user(tx: Connection, event: Recorded[Any]) -> None:
    data, at = event.data, event.meta.recorded_at
    match data:
        case UserCreated():
            await tx.execute(
                "insert into users (user_id, reseller_id, customer_id, tenant_id, microsoft_user_id, status, "
                "is_administrator, sku_ids, version, created_at, updated_at) "
                "values (%s, %s, %s, %s, %s, 'active', %s, '{}', %s, %s, %s) on conflict do nothing",
                [
                    data.user_id,
                    event.meta.reseller,
                    await _customer_of(tx, data.tenant_id),
                    data.tenant_id,
                    data.microsoft_user_id,
                    data.is_administrator,
                    event.version,
                    at,
                    at,
                ],
            )
        case _:
            status = {UserDeleted: "deleted", UserRestored: "active"}.get(type(data))
            await tx.execute(
                "update users set status = coalesce(%s, status), version = %s, updated_at = %s where user_id = %s",
                [status, event.version, at, event.stream],
            )


async def _licence(tx: Connection, event: Recorded[Any], data: LicenseAssigned | LicenseUnassigned) -> None:
    change = (
        "array(select distinct unnest(array_append(sku_ids, %s)))"
        if isinstance(data, LicenseAssigned)
        else "array_remove(sku_ids, %s)"
    )
    await tx.execute(
        f"update users set sku_ids = {change}, version = %s, updated_at = %s where user_id = %s",
        [data.sku_id, event.version, event.meta.recorded_at, event.stream],
    )


async def _feed(tx: Connection, events: Sequence[Recorded[Any]]) -> None:
    """One COPY into a scratch table keeps the feed cheap; an event that is there already stays once."""
    await tx.execute(
        "create temporary table if not exists incoming (reseller_id text, customer_id text, visibility text, type text, "
        "body jsonb, event_id text) on commit delete rows"
    )
    async with tx.cursor().copy(
        "copy incoming (reseller_id, customer_id, visibility, type, body, event_id) from stdin"
    ) as copy:
        for event in events:
            registered = type_of(type(event.data))
            body = {
                "specversion": "1.0",
                "id": event.event_id,
                "source": f"/csp/{registered.context}",
                "type": registered.wire_name,
                "subject": event.stream,
                "time": event.meta.effective_at,
                "recordedtime": event.meta.recorded_at,
                "sequence": f"{event.version:020d}",
                "origin": str(event.meta.origin),
                "partitionkey": event.meta.partition_key,
                "correlationid": event.meta.correlation_id,
                "causationid": event.meta.causation_id,
                "data": event.data,
            }
            await copy.write_row(
                [
                    event.meta.reseller,
                    event.meta.customer,
                    str(registered.visibility),
                    registered.wire_name,
                    msgspec.json.encode(body).decode(),
                    event.event_id,
                ]
            )
    await tx.execute(
        "insert into feed (reseller_id, customer_id, visibility, type, body, event_id) "
        "select * from incoming on conflict (event_id) do nothing"
    )


def _lots(lots: Any) -> str:  # a list of seat lots
    return msgspec.json.encode(lots).decode()
