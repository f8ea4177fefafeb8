"""Lists the customers of every partner: the first time page by page with a token that survives a restart, then in turns."""

from datetime import datetime, timedelta

from csp_partner_center import PartnerCenterError
from csp_partner_center.customers import Customer
from csp_partner_center.paging import Page
from csp_partner_feed.adapters.tenants import Listed
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Wish
from csp_partner_feed.workers.pace import in_turns
from csp_partner_feed.workers.parts import Parts
from csp_runtime.logs import logger

log = logger(__name__)

CUSTOMERS = "customers"
_LOOK_SECONDS = 5.0


class Lister:
    """Finds customers; a customer missing from a whole list is read by its own address before anything is concluded."""

    def __init__(self, parts: Parts, *, every: timedelta) -> None:
        self._client = parts.client
        self._tenants = parts.tenants
        self._first_syncs = parts.first_syncs
        self._reads = parts.reads
        self._freshness = parts.freshness
        self._parked = parts.parked
        self._clock = parts.clock
        self._every = every
        self._next: dict[str, datetime] = {}

    async def run(self) -> None:
        """For ever: new resellers within seconds, known ones when their interval is over."""
        await in_turns("lister", self.step, self._clock, _LOOK_SECONDS)

    async def step(self) -> None:
        """Look after every reseller that has credentials."""
        for reseller in await self._client.credentials.resellers():
            try:
                await self.list_customers(reseller)
            except PartnerCenterError as fault:
                log.info("feed.list-later", code=fault.code)
                await self._freshness.failed(reseller, CUSTOMERS, self._clock.now(), fault.code)

    async def list_customers(self, reseller: str) -> None:
        """The first list, or the next one if it is due. Raises `PartnerCenterError`; what was listed stays."""
        now = self._clock.now()
        started = await self._first_syncs.start(reseller, now)
        if not started.is_listed:
            await self._first_list(reseller, started.continuation)
            return
        due = self._next.get(reseller)
        if due is not None and now < due:
            return
        await self._next_list(reseller)
        self._next[reseller] = now + self._every

    async def _first_list(self, reseller: str, continuation: str | None) -> None:
        began_at = self._clock.now()
        partner = self._client.as_reseller(reseller)
        async for page in partner.customers.pages(continuation=continuation):
            await self._parked.put(reseller, CUSTOMERS, page.unreadable, began_at)
            await self._tenants.add(reseller, _listed(page), began_at, is_first=True)
            await self._first_syncs.listed_to(reseller, page.continuation, began_at)
        # A continuation that turned out to be the end leaves no last page.
        await self._first_syncs.listed_to(reseller, None, began_at)
        await self._first_syncs.finish_if_done(reseller, began_at)
        await self._freshness.worked(reseller, CUSTOMERS, began_at)

    async def _next_list(self, reseller: str) -> None:
        began_at = self._clock.now()
        known = await self._tenants.known(reseller)
        seen: set[str] = set()
        is_whole = True
        async for page in self._client.as_reseller(reseller).customers.pages():
            await self._parked.put(reseller, CUSTOMERS, page.unreadable, began_at)
            is_whole = is_whole and not page.unreadable
            seen |= {each.id for each in page.items}
            await self._tenants.add(reseller, _listed(page), began_at)
        if is_whole:
            await self._reads.want(
                [
                    Wish(
                        reseller=reseller,
                        resource=Resource.TENANT,
                        microsoft_tenant_id=each,
                        microsoft_id=each,
                        channel=Channel.COMPARISON,
                        due_at=began_at,
                    )
                    for each in sorted(known - seen)
                ]
            )
        await self._freshness.worked(reseller, CUSTOMERS, began_at)


def _listed(page: Page[Customer]) -> list[Listed]:
    return [
        Listed(
            microsoft_tenant_id=each.id,
            domain=each.company_profile.domain,
            company_name=each.company_profile.company_name,
        )
        for each in page.items
    ]
