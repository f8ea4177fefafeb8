"""Use cases of historic price edits (R5.4): check one, carry it out, tell which there were."""

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.pricing_v1 import SubscriptionPriceEdited
from csp_pricing.domain.edits import EditHistoricSalesPrice, price_and_faults, price_on
from csp_pricing.domain.streams import price_stream
from csp_pricing.ports import PricedSubscription, Subscriptions
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.problems import Problem, not_found
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore


class PriceEdits:
    """Commands and questions about the sales price of one subscription's service days."""

    def __init__(self, *, store: EventStore, subscriptions: Subscriptions, clock: Clock) -> None:
        self._store = store
        self._subscriptions = subscriptions
        self._clock = clock

    async def check(self, scope: Scope, wish: EditHistoricSalesPrice) -> dict[str, Any]:
        """The edit as it would be carried out, for who wants to know its effect first. Raises as `edit` does."""
        subscription, price = await self._checked(scope, wish)
        history = await self._store.load(price_stream(scope.reseller, wish.subscription_id))
        return {
            "subscription_id": subscription.subscription_id,
            "from_on": wish.from_on.isoformat(),
            "until_on": None if wish.until_on is None else wish.until_on.isoformat(),
            "currency": subscription.currency,
            "unit_price_micro": price,
            "previous_unit_price_micro": price_on(history, wish.from_on),
        }

    async def edit(self, scope: Scope, wish: EditHistoricSalesPrice, command: Command) -> dict[str, Any]:
        """Set the price of service days anew; issued reports stay, their difference posts in the next open one.

        Raises `Problem`: 404 for a subscription that is not in scope, 422 naming each field that breaks a rule.
        """
        subscription, price = await self._checked(scope, wish)
        stream = price_stream(scope.reseller, wish.subscription_id)
        now = self._clock.now()

        async def decide() -> Decision:
            version = len(await self._store.load(stream)) + 1
            data = SubscriptionPriceEdited(
                subscription_id=subscription.subscription_id,
                tenant_id=subscription.tenant_id,
                currency=subscription.currency,
                unit_price_micro=price,
                price_ref=f"{stream}:{version}",
                from_on=wish.from_on,
                until_on=wish.until_on,
            )
            meta = command_meta(
                scope,
                command,
                now,
                partition_key=subscription.tenant_id,
                customer=subscription.customer_id,
                tenant=subscription.tenant_id,
            )
            begins = datetime.combine(wish.from_on, time(), UTC)
            meta = replace(meta, effective_at=begins, reason=wish.reason.strip())
            event = Recorded(stream=stream, version=version, data=data, meta=meta)
            return Decision(
                events=[event], answer={"id": event.event_id, "stream": stream, "version": version}
            )

        return await carry_out(self._store, command, now, decide)

    async def edits(self, scope: Scope, subscription_id: str) -> list[dict[str, Any]]:
        """Who set which days to which price, when and why, oldest first; `previous` is what ruled the first day before."""
        subscription = await self._found(scope, subscription_id)
        history = await self._store.load(price_stream(scope.reseller, subscription_id))
        return [
            _shown(event, subscription, price_on(history[:number], event.data.from_on))
            for number, event in enumerate(history)
            if isinstance(event.data, SubscriptionPriceEdited)
        ]

    async def _checked(self, scope: Scope, wish: EditHistoricSalesPrice) -> tuple[PricedSubscription, int]:
        subscription = await self._found(scope, wish.subscription_id)
        price, faults = price_and_faults(wish, subscription.currency, self._clock.now().date())
        if faults:
            raise Problem("validation", "The price edit breaks a rule", invalid=faults)
        return subscription, price

    async def _found(self, scope: Scope, subscription_id: str) -> PricedSubscription:
        found = await self._subscriptions.one(scope, subscription_id)
        if found is None:
            raise not_found("subscription")
        return found


def _shown(
    event: Recorded[SubscriptionPriceEdited], subscription: PricedSubscription, previous: int | None
) -> dict[str, Any]:
    return {
        "id": event.event_id,
        "from_on": event.data.from_on.isoformat(),
        "until_on": None if event.data.until_on is None else event.data.until_on.isoformat(),
        "currency": subscription.currency,
        "unit_price_micro": event.data.unit_price_micro,
        "previous_unit_price_micro": previous,
        "reason": event.meta.reason,
        "actor": event.meta.actor,
        "on_behalf_of": event.meta.on_behalf_of,
        "edited_at": event.meta.recorded_at.astimezone(UTC).isoformat(),
    }
