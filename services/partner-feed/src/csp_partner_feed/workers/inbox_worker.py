"""Understands stored notifications: which resource changed, and when."""

from csp_partner_center.webhooks import Notification
from csp_partner_feed.adapters.inbox import CHANNEL, Inbox, Received
from csp_partner_feed.domain.wishes import Ignored, Wish, wish_of_notification
from csp_partner_feed.workers.pace import work_off
from csp_runtime.clock import Clock
from csp_runtime.logs import logger
from csp_runtime.wakeups import Wakeups

log = logger(__name__)


class InboxWorker:
    """Turns notifications into wishes; those that say nothing known are parked with their payload."""

    def __init__(self, *, inbox: Inbox, clock: Clock, wakeups: Wakeups) -> None:
        self._inbox = inbox
        self._clock = clock
        self._wakeups = wakeups

    async def run(self) -> None:
        """For ever."""
        await work_off("inbox", self.step, self._clock, self._wakeups, CHANNEL)

    async def step(self) -> bool:
        """A batch; whether there was one."""
        return await self._inbox.understand(self._understood) > 0

    def _understood(self, received: Received) -> Wish | Ignored:
        notification = Notification(event_name=received.event_name, resource_uri=received.resource_uri)
        found = wish_of_notification(
            received.reseller,
            received.event_name,
            notification.ids,
            due_at=self._clock.now(),
            changed_at=received.changed_at,
        )
        if found in (Ignored.UNKNOWN_EVENT, Ignored.NO_ID):
            log.warning("feed.notification-parked", reason=str(found))
        return found
