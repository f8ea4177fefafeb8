"""The command that changes a subscription's labels. Microsoft is not asked, and nothing that is billed depends on them."""

from collections.abc import Mapping
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.subscriptions_v1 import SubscriptionLabelsChanged
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.labels import relabelled
from csp_runtime.problems import stale
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore
from csp_subscriptions.billing_starts import Visible
from csp_subscriptions.domain.changed import changed_since


class SubscriptionLabels:
    """Merges a patch into what a subscription is labelled with."""

    def __init__(self, *, store: EventStore, visible: Visible, clock: Clock) -> None:
        """`visible` finds a subscription inside a scope, or raises `Problem` `not-found`."""
        self._store = store
        self._visible = visible
        self._clock = clock

    async def change(
        self,
        scope: Scope,
        subscription_id: str,
        patch: Mapping[str, str | None],
        command: Command,
        *,
        expected: int | None,
    ) -> dict[str, Any]:
        """The labels afterwards; a patch that says nothing new writes nothing.

        Raises `Problem`: `not-found`, `version-conflict`, `validation`.
        """
        now = self._clock.now()

        async def decide() -> Decision:
            state = await self._visible(scope, subscription_id)
            if expected is not None and expected != state.version:
                changed = changed_since(await self._store.load(subscription_id), expected)
                raise stale("subscription", state.version, changed)
            meta = command_meta(
                scope,
                command,
                max(now, state.last_recorded_at),
                partition_key=state.partition_key,
                customer=state.customer_id,
                tenant=state.tenant_id,
            )

            def told(labels: dict[str, str]) -> Recorded[Any]:
                data = SubscriptionLabelsChanged(
                    subscription_id=state.id, tenant_id=state.tenant_id, labels=labels
                )
                return Recorded(stream=state.id, version=state.version + 1, data=data, meta=meta)

            return relabelled(state.id, state.version, state.labels, patch, told)

        return await carry_out(self._store, command, now, decide)
