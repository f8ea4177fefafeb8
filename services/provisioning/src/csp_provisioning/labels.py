"""The command that changes an organisation's labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.provisioning_v1 import CustomerLabelsChanged
from csp_provisioning.ports import Organisations
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.labels import relabelled
from csp_runtime.problems import not_found, stale
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore


class CustomerLabels:
    """Merges a patch into what an organisation is labelled with; its stream alone keeps it."""

    def __init__(self, *, store: EventStore, rows: Organisations, clock: Clock) -> None:
        self._store = store
        self._rows = rows
        self._clock = clock

    async def change(
        self,
        scope: Scope,
        customer_id: str,
        patch: Mapping[str, str | None],
        command: Command,
        *,
        expected: int | None,
    ) -> dict[str, Any]:
        """The labels afterwards; a patch that says nothing new writes nothing.

        Raises `Problem`: `not-found`, `version-conflict`, `validation`.
        """
        now = self._clock.now()
        if await self._rows.organisation(scope, customer_id) is None:
            raise not_found("customer")

        async def decide() -> Decision:
            events = await self._store.load(customer_id)
            version = len(events)
            if expected is not None and expected != version:
                later = [event for event in events[max(expected, 0) :] if _is_of_labels(event)]
                raise stale("customer", version, ["labels"] if later else [])
            meta = command_meta(scope, command, now, partition_key=customer_id, customer=customer_id)

            def told(labels: dict[str, str]) -> Recorded[Any]:
                data = CustomerLabelsChanged(customer_id=customer_id, labels=labels)
                return Recorded(stream=customer_id, version=version + 1, data=data, meta=meta)

            return relabelled(customer_id, version, _labels(events), patch, told)

        return await carry_out(self._store, command, now, decide)


def _is_of_labels(event: Recorded[Any]) -> bool:
    return isinstance(event.data, CustomerLabelsChanged)


def _labels(events: Sequence[Recorded[Any]]) -> dict[str, str]:
    said = [event.data.labels for event in events if _is_of_labels(event)]
    return dict(said[-1]) if said else {}
