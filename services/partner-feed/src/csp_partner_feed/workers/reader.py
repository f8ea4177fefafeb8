"""Reads what was wished for, customer by customer, and tells what is news."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from csp_partner_center import NotDone, OutcomeUnknown, PartnerCenterError, Reseller
from csp_partner_center.errors import Forbidden, NotFound, Refused, RelationshipMissing, RightsMissing
from csp_partner_center.subscriptions import Subscription
from csp_partner_feed.adapters.arrivals import mark_arrivals
from csp_partner_feed.adapters.microsoft import (
    licences_state,
    person_of,
    subscription_state,
    tenant_state,
    user_state,
)
from csp_partner_feed.adapters.reads import CHANNEL, Claimed, finished, wanted
from csp_partner_feed.adapters.tenants import Listed
from csp_partner_feed.domain.observation import Channel, Observation, Resource, State
from csp_partner_feed.domain.wishes import Wish
from csp_partner_feed.workers.lease import kept
from csp_partner_feed.workers.pace import work_off
from csp_partner_feed.workers.parts import Parts
from csp_runtime.logs import logger

log = logger(__name__)

_MOST_ATTEMPTS = 12
_LONGEST_PAUSE = 900.0
_PAUSE_FOR_FIRST = 1.0


class Reader:
    """One of several workers behind the queue of readings."""

    def __init__(self, parts: Parts, *, visibility: timedelta) -> None:
        self._client = parts.client
        self._reads = parts.reads
        self._publisher = parts.publisher
        self._tenants = parts.tenants
        self._freshness = parts.freshness
        self._parked = parts.parked
        self._resources = parts.resources
        self._skus = parts.skus
        self._clock = parts.clock
        self._wakeups = parts.wakeups
        self._visibility = visibility

    async def run(self) -> None:
        """Work the queue off, for ever."""
        await work_off("reader", self.step, self._clock, self._wakeups, CHANNEL)

    async def step(self) -> bool:
        """Carry out the due wishes of one customer; whether there were any."""
        claimed = await self._reads.claim(self._clock.now())
        if not claimed:
            return False
        first = claimed[0]
        if await self._tenants.is_first(first.reseller, first.microsoft_tenant_id):
            # Its first full reading comes first: what is found there is an imported book (R9.7).
            await self._reads.put_back(claimed, _PAUSE_FOR_FIRST)
            return True
        partner = self._client.as_reseller(first.reseller)
        groups = _groups(claimed)
        for number, group in enumerate(groups):
            waiting = [each for rest in groups[number:] for each in rest]
            try:
                await self._carry_out(partner, group, waiting)
            except asyncio.CancelledError:
                # The process stops: whoever comes next need not wait for our claim to run out.
                await asyncio.shield(self._reads.put_back(waiting, 0.0))
                raise
        return True

    async def _carry_out(
        self, partner: Reseller, group: Sequence[Claimed], waiting: Sequence[Claimed]
    ) -> None:
        """Read what a group is about; `waiting`: all that is still claimed, this group and those after it."""
        first, began_at = group[0], self._clock.now()
        try:
            async with kept(lambda: self._reads.renew(waiting)):
                seen = await self._look(partner, group, began_at)
        except RelationshipMissing:
            await self._relationship_is_missing(group, began_at)
        except (NotDone, OutcomeUnknown) as fault:
            await self._later(group, fault, began_at)
        except Refused as fault:
            await self._refused(group, fault, began_at)
        else:
            told = await self._publisher.publish(seen, also=[finished(group)])
            news = {key[2] for key in told}
            again = self._once_more([each for each in group if each.microsoft_id not in news], began_at)
            await self._reads.want(again)
            await self._freshness.worked(
                first.reseller, str(first.channel), began_at, first.microsoft_tenant_id
            )

    async def _look(
        self, partner: Reseller, group: Sequence[Claimed], began_at: datetime
    ) -> list[Observation]:
        match group[0].resource:
            case Resource.SUBSCRIPTION:
                return await self._subscriptions(partner, group, began_at)
            case Resource.USER:
                return [await self._user(partner, each, began_at) for each in group]
            case Resource.TENANT:
                return [await self._tenant(partner, each, began_at) for each in group]
            case Resource.LICENCES:
                page = await partner.licences.subscribed_skus(group[0].microsoft_tenant_id)
                await self._parked.put(group[0].reseller, "licences", page.unreadable, began_at)
                return [_observation(each, licences_state(page.items), began_at) for each in group]

    async def _subscriptions(
        self, partner: Reseller, group: Sequence[Claimed], began_at: datetime
    ) -> list[Observation]:
        tenant = group[0].microsoft_tenant_id
        found: dict[str, Subscription] = {}
        if len(group) > 1:
            # One call for all of a customer's changed subscriptions.
            page = await partner.subscriptions.of_customer(tenant)
            await self._parked.put(group[0].reseller, "subscriptions", page.unreadable, began_at)
            found = {each.id: each for each in page.items}
        known = await self._resources.known(group[0].reseller, tenant, Resource.SUBSCRIPTION)
        seen: list[tuple[Claimed, State | None]] = []
        arrived: list[tuple[Subscription, State]] = []
        for each in group:
            shown = found.get(each.microsoft_id)
            if shown is None:
                # Not in the list is no proof: only its own address tells that it is gone.
                try:
                    shown = (await partner.subscriptions.get(tenant, each.microsoft_id)).value
                except NotFound:
                    seen.append((each, None))
                    continue
            state = subscription_state(shown)
            seen.append((each, state))
            if shown.id not in known:
                arrived.append((shown, state))
        if arrived:
            await self._complete(partner, group[0].reseller, tenant, arrived)
        return [_observation(each, state, began_at) for each, state in seen]

    async def _complete(
        self, partner: Reseller, reseller: str, tenant: str, arrived: list[tuple[Subscription, State]]
    ) -> None:
        """What the owner needs besides when it first hears of a subscription."""
        country = tenant_state((await partner.customers.get(tenant)).value).get("country")
        for subscription, state in arrived:
            sku = await self._skus.of(
                partner, subscription.product, country if isinstance(country, str) else None
            )
            if sku is not None:
                state["directory_sku_id"] = sku
        ours = (await self._client.credentials.load(reseller)).microsoft_tenant_id
        await mark_arrivals(partner, tenant, arrived, ours=ours)

    async def _user(self, partner: Reseller, each: Claimed, began_at: datetime) -> Observation:
        try:
            user = (await partner.graph.user(each.microsoft_tenant_id, each.microsoft_id)).value
        except NotFound:
            return _observation(each, {"is_deleted": True}, began_at)
        return _observation(each, user_state(user), began_at, person_of(user))

    async def _tenant(self, partner: Reseller, each: Claimed, began_at: datetime) -> Observation:
        try:
            customer = (await partner.customers.get(each.microsoft_tenant_id)).value
        except NotFound as fault:
            raise RelationshipMissing(fault.operation, fault.reason, upstream=fault.upstream) from None
        profile = customer.company_profile
        listed = Listed(
            microsoft_tenant_id=each.microsoft_tenant_id,
            domain=profile.domain,
            company_name=profile.company_name,
        )
        await self._tenants.add(each.reseller, [listed], began_at)
        return _observation(each, tenant_state(customer), began_at)

    async def _relationship_is_missing(self, group: Sequence[Claimed], began_at: datetime) -> None:
        """Whatever was asked, the customer itself decides: its own address is read, twice, before it counts as gone.

        One such answer may be a lag or a failure of Microsoft's; what follows from "gone" is too much for that.
        """
        first = group[0]
        if first.resource is not Resource.TENANT:
            wish = _tenant_wish(first, began_at)
            await self._publisher.publish([], also=[finished(group), wanted([wish])])
            return
        again = await self._tenants.missed(
            first.reseller, first.microsoft_tenant_id, began_at, self._visibility
        )
        if again is not None:
            await self._publisher.publish([], also=[finished(group), wanted([_tenant_wish(first, again)])])
            return
        await self._publisher.publish(
            [_observation(each, None, began_at) for each in group], also=[finished(group)]
        )
        await self._tenants.gone(first.reseller, first.microsoft_tenant_id, is_gone=True)

    async def _later(self, group: Sequence[Claimed], fault: PartnerCenterError, began_at: datetime) -> None:
        first = group[0]
        pause = max(fault.retry_after or 0.0, min(_LONGEST_PAUSE, 2.0 ** min(first.attempts, 10)))
        log.info("feed.read-later", resource=str(first.resource), code=fault.code, pause=pause)
        await self._reads.put_back(group, pause)
        await self._freshness.failed(
            first.reseller, str(first.channel), began_at, fault.code, first.microsoft_tenant_id
        )

    async def _refused(self, group: Sequence[Claimed], fault: Refused, began_at: datetime) -> None:
        first = group[0]
        await self._freshness.failed(
            first.reseller, str(first.channel), began_at, fault.code, first.microsoft_tenant_id
        )
        lasting = isinstance(fault, RightsMissing | Forbidden) or first.attempts >= _MOST_ATTEMPTS
        if not lasting:
            await self._reads.put_back(group, min(_LONGEST_PAUSE, 2.0**first.attempts))
            return
        # The next comparison tries again; meanwhile the missing right is shown by the freshness.
        log.warning("feed.read-refused", resource=str(first.resource), code=fault.code)
        await self._publisher.publish([], also=[finished(group)])

    def _once_more(self, quiet: Sequence[Claimed], began_at: datetime) -> list[Wish]:
        """A notification that showed nothing new: the change may become visible late (architecture 5)."""
        if self._visibility <= timedelta(0):
            return []
        return [
            Wish(
                reseller=each.reseller,
                resource=each.resource,
                microsoft_tenant_id=each.microsoft_tenant_id,
                microsoft_id=each.microsoft_id,
                channel=each.channel,
                due_at=began_at + self._visibility,
                changed_at=each.changed_at,
            )
            for each in quiet
            if each.is_repeated
        ]


def _groups(claimed: Sequence[Claimed]) -> list[list[Claimed]]:
    """By resource; the customer itself first."""
    order = (Resource.TENANT, Resource.SUBSCRIPTION, Resource.USER, Resource.LICENCES)
    groups = [[each for each in claimed if each.resource is resource] for resource in order]
    return [group for group in groups if group]


def _observation(
    claimed: Claimed, state: State | None, began_at: datetime, person: dict[str, str | None] | None = None
) -> Observation:
    return Observation(
        reseller=claimed.reseller,
        resource=claimed.resource,
        microsoft_tenant_id=claimed.microsoft_tenant_id,
        microsoft_id=claimed.microsoft_id,
        channel=claimed.channel,
        began_at=began_at,
        state=state,
        changed_at=claimed.changed_at,
        is_forced=claimed.is_forced,
        person=person or {},
    )


def _tenant_wish(claimed: Claimed, due_at: datetime) -> Wish:
    return Wish(
        reseller=claimed.reseller,
        resource=Resource.TENANT,
        microsoft_tenant_id=claimed.microsoft_tenant_id,
        microsoft_id=claimed.microsoft_tenant_id,
        channel=Channel.COMPARISON,
        due_at=due_at,
    )
