"""Asks each customer's directory what changed among its users: the only channel that sees what the customer's own admins do."""

import asyncio
from datetime import datetime, timedelta

from csp_partner_center import NotDone, OutcomeUnknown, PartnerCenterError, Refused
from csp_partner_center.graph import DeltaExpired
from csp_partner_feed.adapters.microsoft import person_of, user_state
from csp_partner_feed.adapters.tenants import WAKEUP, TenantDue
from csp_partner_feed.domain.observation import Channel, Observation, Resource
from csp_partner_feed.domain.wishes import Wish
from csp_partner_feed.workers.lease import kept
from csp_partner_feed.workers.pace import work_off_many
from csp_partner_feed.workers.parts import Parts
from csp_runtime.logs import logger

log = logger(__name__)

_PAUSE_AFTER_FAILURE = 30.0


class DirectoryFollower:
    """Follows several directories at once."""

    def __init__(self, parts: Parts, *, pause: timedelta, at_once: int) -> None:
        self._client = parts.client
        self._tenants = parts.tenants
        self._resources = parts.resources
        self._publisher = parts.publisher
        self._reads = parts.reads
        self._freshness = parts.freshness
        self._parked = parts.parked
        self._clock = parts.clock
        self._wakeups = parts.wakeups
        self._pause = pause
        self._at_once = at_once

    async def run(self) -> None:
        """Follow due directories, for ever."""
        await work_off_many(
            "directory",
            self._claim,
            self._follow,
            self._clock,
            self._wakeups,
            WAKEUP,
            at_once=self._at_once,
        )

    async def step(self) -> bool:
        """One round for one customer; whether one was due."""
        due = await self._claim()
        if due is not None:
            await self._follow(due)
        return due is not None

    async def _claim(self) -> TenantDue | None:
        return await self._tenants.claim_delta(self._clock.now())

    async def _follow(self, due: TenantDue) -> None:
        began_at = self._clock.now()
        try:
            async with kept(lambda: self._tenants.renew(due)):
                link = await self._round(due, began_at)
        except asyncio.CancelledError:
            # The process stops: whoever comes next need not wait for our claim to run out.
            await asyncio.shield(self._tenants.put_back(due, 0.0))
            raise
        except DeltaExpired:
            # PC 13.5: the token is too old; the next round reads everything.
            await self._tenants.followed(due, None, began_at)
        except (NotDone, OutcomeUnknown, Refused) as fault:
            await self._failed(due, fault, began_at)
        else:
            await self._tenants.followed(due, link, began_at + self._pause)
            await self._freshness.worked(
                due.reseller, str(Channel.GRAPH_DELTA), began_at, due.microsoft_tenant_id
            )

    async def _round(self, due: TenantDue, began_at: datetime) -> str | None:
        partner = self._client.as_reseller(due.reseller)
        is_whole = due.delta_link is None
        link: str | None = None
        seen: set[str] = set()
        told = False
        async for page in partner.graph.delta(due.microsoft_tenant_id, due.delta_link):
            await self._parked.put(due.reseller, "users", page.unreadable, began_at)
            is_whole = is_whole and not page.unreadable
            observations = [
                Observation(
                    reseller=due.reseller,
                    resource=Resource.USER,
                    microsoft_tenant_id=due.microsoft_tenant_id,
                    microsoft_id=each.id,
                    channel=Channel.FIRST_SYNC if due.is_first and is_whole else Channel.GRAPH_DELTA,
                    began_at=began_at,
                    state=user_state(each),
                    is_first=due.is_first and due.delta_link is None,
                    person=person_of(each),
                )
                for each in page.users
            ]
            told = bool(await self._publisher.publish(observations)) or told
            seen |= {each.id for each in page.users}
            link = page.delta_link or link
        wishes: list[Wish] = []
        if told and due.delta_link is not None:
            # A first round tells everybody who is there; the customer's own first reading counts their seats.
            wishes.append(self._wish(due, Resource.LICENCES, due.microsoft_tenant_id, began_at))
        if is_whole:
            known = await self._resources.present(due.reseller, due.microsoft_tenant_id, Resource.USER)
            wishes += [self._wish(due, Resource.USER, each, began_at) for each in sorted(known - seen)]
        await self._reads.want(wishes)
        return link

    async def _failed(self, due: TenantDue, fault: PartnerCenterError, began_at: datetime) -> None:
        log.info("feed.delta-later", code=fault.code, reason=str(fault))
        await self._freshness.failed(
            due.reseller, str(Channel.GRAPH_DELTA), began_at, fault.code, due.microsoft_tenant_id
        )
        await self._tenants.put_back(due, fault.retry_after or _PAUSE_AFTER_FAILURE)

    def _wish(self, due: TenantDue, resource: Resource, microsoft_id: str, due_at: datetime) -> Wish:
        return Wish(
            reseller=due.reseller,
            resource=resource,
            microsoft_tenant_id=due.microsoft_tenant_id,
            microsoft_id=microsoft_id,
            channel=Channel.GRAPH_DELTA,
            due_at=due_at,
        )
