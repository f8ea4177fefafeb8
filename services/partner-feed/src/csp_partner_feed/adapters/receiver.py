"""Checks a notification and stores it; nothing else happens before the answer."""

from collections.abc import Mapping
from datetime import datetime

import psycopg
from psycopg_pool import PoolTimeout

from csp_partner_center import PartnerCenter
from csp_partner_center.reading import UnreadableField, decode
from csp_partner_center.webhooks import read_notification
from csp_partner_feed.adapters.inbox import CHANNEL, Inbox
from csp_partner_feed.adapters.parked import scrubbed
from csp_partner_feed.adapters.signature import CertificateUnavailable, NotGenuine, Signatures
from csp_runtime.clock import Clock
from csp_runtime.logs import logger
from csp_runtime.wakeups import Wakeups

log = logger(__name__)


class NotificationReceiver:
    """The receiver behind `/hooks/partner-center/{reseller}`."""

    def __init__(
        self,
        *,
        signatures: Signatures,
        inbox: Inbox,
        client: PartnerCenter,
        clock: Clock,
        wakeups: Wakeups,
    ) -> None:
        self._wakeups = wakeups
        self._signatures = signatures
        self._inbox = inbox
        self._client = client
        self._clock = clock
        self._resellers: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    async def receive(self, reseller: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status to answer with. Refused ones leave no trace but a log line without content."""
        try:
            if not await self._is_known(reseller):
                return 404
            await self._signatures.check({name.lower(): value for name, value in headers.items()}, body)
            return await self._store(reseller, body)
        except NotGenuine as fault:
            log.warning("hook.refused", rule=fault.rule)
            return 401
        except CertificateUnavailable as fault:
            log.warning("hook.certificate-unavailable", reason=str(fault))
            return 503
        except UnreadableField as fault:
            log.warning("hook.unreadable", path=fault.path, rule=fault.rule)
            return 400
        except (psycopg.OperationalError, PoolTimeout) as fault:
            log.warning("hook.outage", reason=type(fault).__name__)
            return 503

    async def _store(self, reseller: str, body: bytes) -> int:
        notification = read_notification(body)
        is_new = await self._inbox.store(
            reseller,
            notification.event_name[:200],
            notification.resource_uri,
            notification.resource_change_utc_date,
            scrubbed(decode(body)),
            self._now(),
        )
        if is_new:
            self._wakeups.wake(CHANNEL)
        return 200

    async def _is_known(self, reseller: str) -> bool:
        if reseller not in self._resellers and self._clock.monotonic() - self._read_at > 1.0:
            self._resellers = frozenset(await self._client.credentials.resellers())
            self._read_at = self._clock.monotonic()
        return reseller in self._resellers

    def _now(self) -> datetime:
        return self._clock.now()
