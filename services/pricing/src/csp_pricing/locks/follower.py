"""What the workers that follow the price lists share: they look after every change of a list, and from time to time."""

from abc import ABC, abstractmethod

from csp_pricing.adapters.rows import PricingRows
from csp_pricing.adapters.subscriptions import KeptSubscriptions
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.rounds import whenever_woken
from csp_runtime.store import EventStore
from csp_runtime.wakeups import Wakeups

POLL_SECONDS = 30.0


class ListFollower(ABC):
    """A worker woken by the lists."""

    def __init__(
        self,
        store: EventStore,
        rows: PricingRows,
        subscriptions: KeptSubscriptions,
        database: Database,
        clock: Clock,
        wakeups: Wakeups,
    ) -> None:
        self._store = store
        self._rows = rows
        self._subscriptions = subscriptions
        self._database = database
        self._clock = clock
        self._wakeups = wakeups

    async def run(self) -> None:
        """Run until cancelled."""
        await whenever_woken(self.look, self._wakeups, "csp_prices", POLL_SECONDS)

    @abstractmethod
    async def look(self) -> None:
        """Do once whatever can be done now."""
