"""The command that changes from when an imported subscription is billed (R9.7). Microsoft is not asked: it is between us and them."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.subscriptions_v1 import BillingStartChanged
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.problems import Problem, invalid, stale
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore
from csp_subscriptions.domain.changed import changed_since
from csp_subscriptions.domain.errors import BillingStartOutOfRange, NotImported
from csp_subscriptions.domain.subscription import Subscription, check_billing_start

Visible = Callable[[Scope, str], Awaitable[Subscription]]


class BillingStarts:
    """Changes the first billing day; what was issued already is billing's to correct, so that no state of it forbids this."""

    def __init__(self, *, store: EventStore, visible: Visible, clock: Clock) -> None:
        """`visible` finds a subscription inside a scope, or raises `Problem` `not-found`."""
        self._store = store
        self._visible = visible
        self._clock = clock

    async def change(
        self,
        scope: Scope,
        subscription_id: str,
        billing_from: date,
        command: Command,
        *,
        expected: int | None,
    ) -> dict[str, Any]:
        """Bill from a UTC day on. `expected` is the version it is meant for.

        Raises `Problem`: `not-found`, `version-conflict`, `subscription-not-imported`, `validation`.
        """
        now = self._clock.now()

        async def decide() -> Decision:
            state = await self._visible(scope, subscription_id)
            if expected is not None and expected != state.version:
                changed = changed_since(await self._store.load(subscription_id), expected)
                raise stale("subscription", state.version, changed)
            try:
                check_billing_start(state, billing_from, now.date())
            except BillingStartOutOfRange as refusal:
                raise invalid("billing_from", refusal.rule, refusal.reason) from None
            except NotImported as refusal:
                raise Problem(refusal.code, refusal.title) from None
            data = BillingStartChanged(
                subscription_id=state.id, tenant_id=state.tenant_id, billing_from=billing_from
            )
            at = max(now, state.last_recorded_at)
            meta = command_meta(
                scope,
                command,
                at,
                partition_key=state.partition_key,
                customer=state.customer_id,
                tenant=state.tenant_id,
            )
            event: Recorded[Any] = Recorded(stream=state.id, version=state.version + 1, data=data, meta=meta)
            answer = {
                "id": state.id,
                "previous": state.billing_from.isoformat() if state.billing_from else None,
                "billing_from": billing_from.isoformat(),
                "stream": state.id,
                "version": event.version,
            }
            return Decision(events=[event], answer=answer)

        return await carry_out(self._store, command, now, decide)
