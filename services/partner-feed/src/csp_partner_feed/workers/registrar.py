"""Registers the webhook of every partner and looks after it (PC 9.1): one address per partner tenant."""

from uuid import uuid4

from csp_partner_center import PartnerCenterError, RequestIds
from csp_partner_feed.workers.pace import in_turns
from csp_partner_feed.workers.parts import Parts
from csp_runtime.logs import logger

log = logger(__name__)

_LOOK_SECONDS = 30.0
_DAY = 86_400.0

# PC 9.3: what this platform acts on. Registered as far as the partner may.
WANTED = (
    "subscription-updated",
    "subscription-active",
    "reseller-relationship-accepted-by-customer",
    "dap-admin-relationship-approved",
    "dap-admin-relationship-terminated",
    "dap-admin-relationship-terminated-by-microsoft",
    "granular-admin-relationship-approved",
    "granular-admin-relationship-terminated",
    "granular-admin-relationship-expired",
    "new-commerce-migration-completed",
    "new-commerce-migration-failed",
    "invoice-ready",
    "test-created",
)


class Registrar:
    """Takes the partner's registration, and takes it back once a day if somebody changed it."""

    def __init__(self, parts: Parts, *, callback_base: str) -> None:
        self._client = parts.client
        self._freshness = parts.freshness
        self._clock = parts.clock
        self._base = callback_base.rstrip("/")
        self._next: dict[str, float] = {}

    async def run(self) -> None:
        """For ever."""
        await in_turns("registrar", self.step, self._clock, _LOOK_SECONDS)

    async def step(self) -> None:
        """Every reseller whose look is due."""
        for reseller in await self._client.credentials.resellers():
            if self._next.get(reseller, 0.0) > self._clock.monotonic():
                continue
            began_at = self._clock.now()
            try:
                await self.register(reseller)
            except PartnerCenterError as fault:
                log.warning("feed.registration-later", code=fault.code)
                await self._freshness.failed(reseller, "registration", began_at, fault.code)
                continue
            self._next[reseller] = self._clock.monotonic() + _DAY
            await self._freshness.worked(reseller, "registration", began_at)

    async def register(self, reseller: str) -> None:
        """Make the registration as it should be; nothing where it is. Raises `PartnerCenterError`."""
        webhooks = self._client.as_reseller(reseller).webhooks
        possible = {event.lower() for event in await webhooks.events()}
        events = sorted(event for event in WANTED if event in possible) or list(WANTED[:1])
        url = f"{self._base}/hooks/partner-center/{reseller}"
        current = await webhooks.registration()
        if (
            current is not None
            and current.value.webhook_url == url
            and {event.lower() for event in current.value.webhook_events} >= set(events)
        ):
            return
        await webhooks.register(url, events, RequestIds(request_id=uuid4(), correlation_id=uuid4()))
        log.info("feed.registered", events=len(events))
