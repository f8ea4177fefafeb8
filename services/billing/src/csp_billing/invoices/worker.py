"""Matches imports that wait for it. What it was at when it stopped, it begins anew."""

import asyncio

import psycopg

from csp_billing.invoices.matcher import match_import
from csp_billing.invoices.taking import CHANNEL
from csp_runtime.clock import Clock
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.logs import logger
from csp_runtime.rounds import each_apart, whenever_woken
from csp_runtime.wakeups import Wakeups

POLL_SECONDS = 5.0
log = logger(__name__)


class MatchWorker:
    """Runs in each process of the service; an import is matched by one of them."""

    def __init__(self, url: str, schema: str, wakeups: Wakeups, clock: Clock) -> None:
        self._url = url
        self._schema = schema
        self._wakeups = wakeups
        self._clock = clock

    async def run(self) -> None:
        """Run until cancelled."""
        await whenever_woken(lambda: asyncio.to_thread(self.once), self._wakeups, CHANNEL, POLL_SECONDS)

    def once(self) -> None:
        """Match whatever waits now. One that cannot be matched is tried again in the next round; the others do not wait for it."""
        info = connection_info(self._url, self._schema, DatabaseRole.WORKER)
        with psycopg.connect(info, autocommit=True) as connection:
            waiting = connection.execute(
                "select import_id, reseller_id from invoice_imports where state = 'matching' order by imported_at"
            ).fetchall()

            def match(one: tuple[str, str]) -> None:
                import_id, reseller = one
                if match_import(connection, self._schema, import_id, reseller, self._clock.now):
                    log.info("match.made", invoice_import=import_id)

            each_apart(waiting, match)
