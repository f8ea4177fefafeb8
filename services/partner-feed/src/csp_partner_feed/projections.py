"""What the feed must know of the others: changes of our own make the last reading old news, settings, tenants we made."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from csp_contracts.envelope import Origin, Recorded
from csp_contracts.identity_sync_v1 import (
    LicenseAssigned,
    LicenseUnassigned,
    UserCreated,
    UserDeleted,
    UserRestored,
    UserUpdated,
)
from csp_contracts.ids import Kind
from csp_contracts.pricing_v1 import SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import ResellerSettingChanged, TenantCreated
from csp_contracts.subscriptions_v1 import (
    AutoRenewChanged,
    ChangeScheduled,
    QuantityChanged,
    ScheduledChangeDropped,
    SubscriptionCancelled,
    SubscriptionCreated,
    SubscriptionExpired,
    SubscriptionReactivated,
    SubscriptionRenamed,
    SubscriptionRenewed,
    SubscriptionSuspended,
)
from csp_partner_feed.adapters import tenants
from csp_partner_feed.adapters.reads import want
from csp_partner_feed.adapters.resources import by_id
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Wish
from csp_runtime.clock import Clock
from csp_runtime.database import Connection

_SUBSCRIPTION_CHANGES = (
    AutoRenewChanged,
    ChangeScheduled,
    QuantityChanged,
    ScheduledChangeDropped,
    SubscriptionCancelled,
    SubscriptionReactivated,
    SubscriptionRenamed,
    SubscriptionSuspended,
)
_USER_CHANGES = (LicenseAssigned, LicenseUnassigned, UserDeleted, UserRestored, UserUpdated)


class OwnChanges:
    """After a change of our own the next reading is told even if it equals the last one told: a change that Microsoft took
    back afterwards would otherwise look like no news. The resource is read once when the span of late visibility is over."""

    name = "partner-feed.own-changes"
    contexts = ("subscriptions", "identity-sync", "provisioning", "pricing")
    streams = frozenset({Kind.SUBSCRIPTION, Kind.USER, Kind.TENANT, Kind.RESELLER, Kind.SUBSCRIPTION_PRICE})
    types = frozenset(
        {
            SubscriptionCreated,
            UserCreated,
            TenantCreated,
            ResellerSettingChanged,
            SubscriptionExpired,
            SubscriptionRenewed,
            SubscriptionPriceLocked,
            SubscriptionPriceEdited,
            *_SUBSCRIPTION_CHANGES,
            *_USER_CHANGES,
        }
    )

    def __init__(self, clock: Clock, visibility: timedelta) -> None:
        self._clock = clock
        self._visibility = visibility

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """Rows of `tenants`, `resources`, `reads` and `reseller_settings`."""
        for event in events:
            reseller, data, now = event.meta.reseller, event.data, self._clock.now()
            is_own = event.meta.origin != Origin.MICROSOFT
            match data:
                case ResellerSettingChanged(setting="close_day", value=value) if value.isdigit():
                    await _set_close_day(tx, reseller, int(value))
                case SubscriptionPriceLocked() | SubscriptionPriceEdited():
                    await _set_price(tx, reseller, data)
                case TenantCreated():
                    listed = tenants.Listed(
                        microsoft_tenant_id=data.microsoft_tenant_id.lower(),
                        domain=data.domain,
                        company_name=data.company_name,
                    )
                    await tenants.add(tx, reseller, [listed], now + self._visibility)
                    await self._tenant_created(tx, reseller, data, now)
                case SubscriptionCreated() if is_own:
                    await self._created(
                        tx,
                        reseller,
                        Resource.SUBSCRIPTION,
                        data.subscription_id,
                        data.tenant_id,
                        data.microsoft_subscription_id,
                        now,
                    )
                case UserCreated() if is_own:
                    await self._created(
                        tx, reseller, Resource.USER, data.user_id, data.tenant_id, data.microsoft_user_id, now
                    )
                case _ if is_own and isinstance(data, _SUBSCRIPTION_CHANGES):
                    await self._changed(tx, Resource.SUBSCRIPTION, event.stream, now)
                case _ if is_own and isinstance(data, _USER_CHANGES):
                    await self._changed(tx, Resource.USER, event.stream, now)
                case _:
                    pass
            if event.stream.startswith(f"{Kind.SUBSCRIPTION}_") and not event.meta.superseded:
                await _confirm(tx, event)

    async def _tenant_created(
        self, tx: Connection, reseller: str, data: TenantCreated, now: datetime
    ) -> None:
        """Its owner holds it for ours: even if it was never listed, its having left since is news (decision 0316)."""
        microsoft_id = data.microsoft_tenant_id.lower()
        await tx.execute(
            """
            insert into resources (reseller_id, resource, microsoft_id, microsoft_tenant_id, resource_id, began_at)
            values (%(reseller)s, 'tenant', %(id)s, %(id)s, %(tenant_id)s, %(now)s)
            on conflict (reseller_id, resource, microsoft_id) do update set digest = null
            """,
            {"reseller": reseller, "id": microsoft_id, "tenant_id": data.tenant_id, "now": now},
        )
        await self._read_later(tx, reseller, Resource.TENANT, microsoft_id, microsoft_id, now)
        early = await tx.execute(
            "delete from early_resources where reseller_id = %s and tenant_id = %s returning *",
            [reseller, data.tenant_id],
        )
        for row in await early.fetchall():
            await self._expect(
                tx,
                reseller,
                Resource(row["resource"]),
                row["resource_id"],
                microsoft_id,
                row["microsoft_id"],
                now,
            )

    async def _created(
        self,
        tx: Connection,
        reseller: str,
        resource: Resource,
        resource_id: str,
        tenant_id: str,
        microsoft_id: str,
        now: datetime,
    ) -> None:
        cursor = await tx.execute(
            "select microsoft_tenant_id from tenants where reseller_id = %s and tenant_id = %s",
            [reseller, tenant_id],
        )
        row = await cursor.fetchone()
        if row is None:
            # Its tenant's log is behind this one: the tenant takes it up when it comes.
            await tx.execute(
                "insert into early_resources (reseller_id, resource, microsoft_id, tenant_id, resource_id) "
                "values (%s, %s, %s, %s, %s) on conflict do nothing",
                [reseller, str(resource), microsoft_id.lower(), tenant_id, resource_id],
            )
            return
        await self._expect(
            tx, reseller, resource, resource_id, row["microsoft_tenant_id"], microsoft_id.lower(), now
        )

    async def _expect(
        self,
        tx: Connection,
        reseller: str,
        resource: Resource,
        resource_id: str,
        tenant: str,
        microsoft_id: str,
        now: datetime,
    ) -> None:
        """Its owner holds it for there: if it is not shown when the span is over, that is news."""
        await tx.execute(
            """
            insert into resources (reseller_id, resource, microsoft_id, microsoft_tenant_id, resource_id, began_at)
            values (%s, %s, %s, %s, %s, %s) on conflict do nothing
            """,
            [reseller, str(resource), microsoft_id, tenant, resource_id, now],
        )
        await self._read_later(tx, reseller, resource, tenant, microsoft_id, now)

    async def _changed(self, tx: Connection, resource: Resource, resource_id: str, now: datetime) -> None:
        known = await by_id(tx, resource, resource_id)
        if known is None:
            return
        reseller, tenant, microsoft_id = known
        await tx.execute(
            "update resources set digest = null where reseller_id = %s and resource = %s and microsoft_id = %s",
            [reseller, str(resource), microsoft_id],
        )
        await self._read_later(tx, reseller, resource, tenant, microsoft_id, now)

    async def _read_later(
        self, tx: Connection, reseller: str, resource: Resource, tenant: str, microsoft_id: str, now: datetime
    ) -> None:
        await want(
            tx,
            [
                Wish(
                    reseller=reseller,
                    resource=resource,
                    microsoft_tenant_id=tenant,
                    microsoft_id=microsoft_id,
                    channel=Channel.COMPARISON,
                    due_at=now + self._visibility,
                )
            ],
        )


async def _confirm(tx: Connection, event: Recorded[Any]) -> None:
    """What the owner holds for true now, beside what Microsoft showed last."""
    held = _held(event.data)
    if held:
        await tx.execute(
            """
            update resources set confirmed = coalesce(confirmed, '{}'::jsonb) || %s, confirmed_at = %s
            where reseller_id = %s and resource = 'subscription' and resource_id = %s
            """,
            [Jsonb(held), event.meta.recorded_at, event.meta.reseller, event.stream],
        )


def _held(data: object) -> dict[str, str | int | bool]:
    match data:
        case SubscriptionCreated():
            return {"quantity": data.quantity, "status": data.status, "auto_renew": data.auto_renew}
        case QuantityChanged() | SubscriptionRenewed():
            return {"quantity": data.quantity}
        case SubscriptionReactivated():
            return {"quantity": data.quantity, "status": "active"}
        case SubscriptionSuspended():
            return {"status": "suspended"}
        case SubscriptionCancelled():
            return {"status": "cancelled"}
        case SubscriptionExpired():
            return {"status": "expired"}
        case AutoRenewChanged():
            return {"auto_renew": data.end_of_term == "renew"}
        case _:
            return {}


async def _set_price(
    tx: Connection, reseller: str, data: SubscriptionPriceLocked | SubscriptionPriceEdited
) -> None:
    """The price that holds from the latest day on; an edit of bounded days says nothing of the present one."""
    if isinstance(data, SubscriptionPriceLocked):
        await tx.execute(
            """
            insert into prices (subscription_id, reseller_id, currency, unit_price_micro, charge_cycle, from_on)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (subscription_id) do update set currency = excluded.currency,
                unit_price_micro = excluded.unit_price_micro, charge_cycle = excluded.charge_cycle, from_on = excluded.from_on
            where prices.from_on <= excluded.from_on
            """,
            [
                data.subscription_id,
                reseller,
                data.currency,
                data.unit_price_micro,
                data.charge_cycle,
                data.from_on,
            ],
        )
    elif data.until_on is None:
        await tx.execute(
            "update prices set unit_price_micro = %s, from_on = %s "
            "where reseller_id = %s and subscription_id = %s and from_on <= %s",
            [data.unit_price_micro, data.from_on, reseller, data.subscription_id, data.from_on],
        )


async def _set_close_day(tx: Connection, reseller: str, close_day: int) -> None:
    await tx.execute(
        """
        insert into reseller_settings (reseller_id, close_day) values (%s, %s)
        on conflict (reseller_id) do update set close_day = excluded.close_day
        """,
        [reseller, close_day],
    )
