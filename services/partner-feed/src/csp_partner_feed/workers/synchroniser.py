"""Reads customers in full: once when a reseller is new, then each at its own time of the interval, and on demand."""

import asyncio
from datetime import date, datetime, timedelta

from csp_partner_center import NotDone, OutcomeUnknown, Refused
from csp_partner_center.errors import RelationshipMissing
from csp_partner_feed.adapters.arrivals import mark_arrivals
from csp_partner_feed.adapters.microsoft import licences_state, subscription_state, tenant_state
from csp_partner_feed.adapters.reads import wanted
from csp_partner_feed.adapters.tenants import WAKEUP, TenantDue
from csp_partner_feed.domain.observation import Channel, Observation, Resource, State, billing_start
from csp_partner_feed.domain.wishes import Wish
from csp_partner_feed.workers.lease import kept
from csp_partner_feed.workers.pace import work_off_many
from csp_partner_feed.workers.parts import Parts
from csp_runtime.logs import logger

log = logger(__name__)

_PAUSE_AFTER_FAILURE = 30.0


class Synchroniser:
    """Reads due customers, several at once: subscriptions and licences by list. Users come by the directory's delta."""

    def __init__(self, parts: Parts, *, every: timedelta, at_once: int) -> None:
        self._client = parts.client
        self._tenants = parts.tenants
        self._resources = parts.resources
        self._first_syncs = parts.first_syncs
        self._publisher = parts.publisher
        self._freshness = parts.freshness
        self._parked = parts.parked
        self._clock = parts.clock
        self._wakeups = parts.wakeups
        self._every = every
        self._skus = parts.skus
        self._at_once = at_once

    async def run(self) -> None:
        """Read due customers, for ever."""
        await work_off_many(
            "synchroniser",
            self._claim,
            self._compare,
            self._clock,
            self._wakeups,
            WAKEUP,
            at_once=self._at_once,
        )

    async def step(self) -> bool:
        """Read one customer in full; whether one was due."""
        due = await self._claim()
        if due is not None:
            await self._compare(due)
        return due is not None

    async def _claim(self) -> TenantDue | None:
        return await self._tenants.claim_comparison(self._clock.now())

    async def _compare(self, due: TenantDue) -> None:
        began_at = self._clock.now()
        try:
            async with kept(lambda: self._tenants.renew(due)):
                await self._read(due, began_at)
        except asyncio.CancelledError:
            # The process stops: whoever comes next need not wait for our claim to run out.
            await asyncio.shield(self._tenants.put_back(due, 0.0))
            raise
        except (RelationshipMissing, NotDone, OutcomeUnknown, Refused) as fault:
            await self._failed(due, fault, began_at)
            return
        await self._tenants.compared(due, began_at, self._every)
        await self._first_syncs.finish_if_done(due.reseller, began_at)
        await self._freshness.worked(due.reseller, str(due.channel), began_at, due.microsoft_tenant_id)

    async def _read(self, due: TenantDue, began_at: datetime) -> None:
        partner = self._client.as_reseller(due.reseller)
        tenant = due.microsoft_tenant_id
        customer = (await partner.customers.get(tenant)).value
        told = tenant_state(customer)
        page = await partner.subscriptions.of_customer(tenant)
        await self._parked.put(due.reseller, "subscriptions", page.unreadable, began_at)
        billing_from: date | None = None
        if due.channel is Channel.FIRST_SYNC:
            billing_from = billing_start(began_at.date(), await self._first_syncs.close_day(due.reseller))
        states = [(each, subscription_state(each, billing_from=billing_from)) for each in page.items]
        known = await self._resources.known(due.reseller, tenant, Resource.SUBSCRIPTION)
        new = [one for one in states if one[0].id not in known]
        country = told.get("country")
        for subscription, state in new:
            sku = await self._skus.of(
                partner, subscription.product, country if isinstance(country, str) else None
            )
            if sku is not None:
                state["directory_sku_id"] = sku
        if due.channel is not Channel.FIRST_SYNC:
            ours = (await self._client.credentials.load(due.reseller)).microsoft_tenant_id
            await mark_arrivals(partner, tenant, new, ours=ours)
        # The tenant first: its owner must know it before its subscriptions.
        seen = [_seen(due, Resource.TENANT, tenant, told, began_at)]
        seen += [_seen(due, Resource.SUBSCRIPTION, each.id, state, began_at) for each, state in states]
        missing: list[Wish] = []
        if not page.unreadable:
            present = await self._resources.present(due.reseller, tenant, Resource.SUBSCRIPTION)
            missing = [
                _wish(due, Resource.SUBSCRIPTION, each, began_at)
                for each in present - {each.id for each in page.items}
            ]
        seen += await self._licences(due, began_at)
        await self._publisher.publish(seen, also=[wanted(missing)] if missing else [])

    async def _licences(self, due: TenantDue, began_at: datetime) -> list[Observation]:
        """App+user and a delegated right are needed: where they are missing, the rest goes on and the freshness tells."""
        tenant = due.microsoft_tenant_id
        try:
            page = await self._client.as_reseller(due.reseller).licences.subscribed_skus(tenant)
        except (Refused, NotDone) as fault:
            await self._freshness.failed(due.reseller, "licences", began_at, fault.code, tenant)
            return []
        await self._parked.put(due.reseller, "licences", page.unreadable, began_at)
        await self._freshness.worked(due.reseller, "licences", began_at, tenant)
        if page.unreadable:
            return []
        return [_seen(due, Resource.LICENCES, tenant, licences_state(page.items), began_at)]

    async def _failed(
        self,
        due: TenantDue,
        fault: RelationshipMissing | NotDone | OutcomeUnknown | Refused,
        began_at: datetime,
    ) -> None:
        log.info("feed.comparison-later", code=fault.code, reason=str(fault))
        await self._freshness.failed(
            due.reseller, str(due.channel), began_at, fault.code, due.microsoft_tenant_id
        )
        if isinstance(fault, RelationshipMissing):
            # Its own address decides whether it is a customer no more.
            wish = _wish(due, Resource.TENANT, due.microsoft_tenant_id, began_at)
            await self._publisher.publish([], also=[wanted([wish])])
        await self._tenants.put_back(due, fault.retry_after or _PAUSE_AFTER_FAILURE)


def _seen(
    due: TenantDue, resource: Resource, microsoft_id: str, state: State, began_at: datetime
) -> Observation:
    return Observation(
        reseller=due.reseller,
        resource=resource,
        microsoft_tenant_id=due.microsoft_tenant_id,
        microsoft_id=microsoft_id,
        channel=due.channel,
        began_at=began_at,
        state=state,
        is_first=due.channel is Channel.FIRST_SYNC,
        is_forced=due.channel is Channel.REFRESH,
    )


def _wish(due: TenantDue, resource: Resource, microsoft_id: str, due_at: datetime) -> Wish:
    return Wish(
        reseller=due.reseller,
        resource=resource,
        microsoft_tenant_id=due.microsoft_tenant_id,
        microsoft_id=microsoft_id,
        channel=Channel.COMPARISON,
        due_at=due_at,
    )
