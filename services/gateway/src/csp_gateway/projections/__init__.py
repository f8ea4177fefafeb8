"""Contract events in, screens out: one file per screen.

There is no order between streams, so no statement here depends on another's answer: a batch goes to the database in one
pipeline. Each is safe to repeat. What the API shows of a row is rendered by the row itself (migration 0060).
"""

from collections.abc import Sequence
from typing import Any

from csp_contracts import event_types  # noqa: F401 - registers every type
from csp_contracts.envelope import Recorded
from csp_contracts.ids import Kind
from csp_contracts.registry import all_types
from csp_gateway.projections import feed, history, operations, organisations, subscriptions, users
from csp_runtime.database import Connection

CONTEXTS = ("provisioning", "subscriptions", "identity-sync", "pricing", "billing", "partner-feed")


class Screens:
    """Every screen's rows. Registered types that no screen shows only reach the change feed."""

    name = "gateway.screens"
    contexts = CONTEXTS
    streams = frozenset(Kind) - {Kind.PROCESS, Kind.SEAL}

    def __init__(self) -> None:
        self.types = frozenset(each.cls for each in all_types() if each.public)

    async def project(self, tx: Connection, events: Sequence[Recorded[Any]]) -> None:
        """Rows of the screens, then the change feed."""
        async with tx.pipeline():
            for event in events:
                await organisations.show(tx, event)
                await subscriptions.show(tx, event)
                await history.show(tx, event)
                await users.show(tx, event)
                await operations.show(tx, event)
            await operations.tell(tx, events)
            await feed.append(tx, events)
