"""Reads the activity log again and again, the last days each time: records come hours late and out of order (PC 8)."""

from datetime import UTC, datetime, timedelta

from csp_partner_center import PartnerCenterError
from csp_partner_center.audit import AuditRecord
from csp_partner_feed.adapters.audit_cursors import AuditCursors
from csp_partner_feed.adapters.audit_mapping import facts_of, wishes_of
from csp_partner_feed.adapters.inbox import joined
from csp_partner_feed.adapters.reads import wanted
from csp_partner_feed.domain.observation import Channel
from csp_partner_feed.domain.wishes import CLOCKS_DIFFER
from csp_partner_feed.workers.pace import in_turns
from csp_partner_feed.workers.parts import Parts
from csp_runtime.logs import logger

log = logger(__name__)

# PC 8: older than 90 days is refused.
_OLDEST = timedelta(days=89)


class AuditPoller:
    """One for all resellers of the process."""

    def __init__(self, parts: Parts, *, cursors: AuditCursors, pause: float, overlap_days: int) -> None:
        self._client = parts.client
        self._cursors = cursors
        self._publisher = parts.publisher
        self._freshness = parts.freshness
        self._parked = parts.parked
        self._clock = parts.clock
        self._pause = pause
        self._overlap = timedelta(days=overlap_days)

    async def run(self) -> None:
        """Poll, for ever."""
        await in_turns("audit", self.step, self._clock, self._pause)

    async def step(self) -> None:
        """Every reseller in turn; one that fails does not stop the others."""
        for reseller in await self._client.credentials.resellers():
            began_at = self._clock.now()
            try:
                await self.poll(reseller)
            except PartnerCenterError as fault:
                log.info("feed.audit-later", code=fault.code)
                await self._freshness.failed(reseller, str(Channel.AUDIT), began_at, fault.code)

    async def poll(self, reseller: str) -> int:
        """Read on from the cursor, with overlap; how many records were new. Raises `PartnerCenterError`."""
        now = self._clock.now()
        our_start, read_to = await self._cursors.read_to(reseller, now)
        start = max(read_to - self._overlap, now - _OLDEST).astimezone(UTC).date()
        fresh: list[AuditRecord] = []
        async for page in self._client.as_reseller(reseller).audit.pages(start=start):
            await self._parked.put(reseller, "audit", page.unreadable, now)
            fresh += await self._cursors.unseen(reseller, page.items)
        await self._tell(reseller, fresh, now, our_start)
        await self._cursors.advance(reseller, now)
        await self._freshness.worked(reseller, str(Channel.AUDIT), now)
        return len(fresh)

    async def _tell(
        self, reseller: str, fresh: list[AuditRecord], now: datetime, our_start: datetime
    ) -> None:
        """In the order in which things happened, with the records marked as seen in the same transaction."""
        in_order = sorted(fresh, key=lambda record: (record.happened_at, record.key))
        for start in range(0, len(in_order), 200):
            part = in_order[start : start + 200]
            # What was done before we began is in the first lists, and no fact of an imported book.
            facts = [
                fact
                for record in part
                if record.operation_date.replace(microsecond=0) > our_start
                for fact in facts_of(reseller, record, now)
            ]
            wishes = joined(
                [
                    wish
                    for record in part
                    if record.operation_date >= our_start - CLOCKS_DIFFER  # theirs may be behind
                    for wish in wishes_of(reseller, record, now)
                ]
            )
            seen = self._cursors.seen(reseller, part)
            await self._publisher.publish(facts, also=[seen, *([wanted(wishes)] if wishes else [])])
