"""What a successful operation writes on the streams of its subscriptions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from csp_commerce_rules.seat_lots import SeatLot as OpenLot
from csp_commerce_rules.seat_lots import open_window
from csp_contracts.envelope import EffectiveBasis, Meta, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.subscriptions_v1 import (
    AcceptedQuote,
    AutoRenewChanged,
    QuantityChanged,
    SeatLot,
    SubscriptionCancelled,
    SubscriptionCreated,
    SubscriptionReactivated,
    SubscriptionSuspended,
)
from csp_partner_center.client import PartnerCenter
from csp_runtime.clock import Clock
from csp_runtime.operations import Answered, Operation, Plan
from csp_runtime.operations.steps import Facts
from csp_runtime.store import EventStore
from csp_subscriptions.adapters.buying import Checkout, CreateCart
from csp_subscriptions.adapters.microsoft import ALREADY, ReadBought, change_steps
from csp_subscriptions.adapters.seen_facts import reading_of, remember
from csp_subscriptions.domain.present import is_superseded
from csp_subscriptions.domain.subscription import Status, Subscription, fold, lots_after, lots_to
from csp_subscriptions.facts import is_told_by_record, value_of

RULE_SETS = {"nce": "nce", "legacy": "legacy_anniversary"}


class Outcomes:
    """The facts of each kind of operation; looks at the streams each time it is asked."""

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def plans(self, client: PartnerCenter) -> list[Plan]:
        """Every kind of operation of this service."""
        buying = Plan(
            kind="order.create",
            steps=[CreateCart(client), Checkout(client), ReadBought(client)],
            facts=self.of_order,
        )
        return [
            buying,
            *(
                Plan(kind=kind, steps=[step], facts=self.of_change)
                for kind, step in change_steps(client).items()
            ),
        ]

    async def of_order(self, operation: Operation, answered: Answered) -> Facts:
        """One SubscriptionCreated per line, unless an observation of it came first."""
        del answered
        bought = operation.refs["subscriptions"]
        lines = list(operation.target["lines"])
        events: list[Recorded[Any]] = []
        resources: list[str] = []
        for seen in bought:
            line = _take_line(lines, seen)
            subscription_id = named_id(
                Kind.SUBSCRIPTION, operation.meta.reseller, seen["microsoft_subscription_id"]
            )
            resources.append(subscription_id)
            if not await self._store.load(subscription_id):
                events.append(self._created(operation, subscription_id, line, seen))
        if not lines:
            return Facts(events=events, resources=resources)
        missing = [{"product": line["product"], "quantity": line["quantity"]} for line in lines]
        return Facts(events=events, resources=resources, result={"not_ordered": missing})

    def _created(
        self, operation: Operation, subscription_id: str, line: Mapping[str, Any], seen: Mapping[str, Any]
    ) -> Recorded[Any]:
        started = datetime.fromisoformat(seen["started_at"]) if seen["started_at"] else self._clock.now()
        data = SubscriptionCreated(
            subscription_id=subscription_id,
            tenant_id=operation.target["tenant_id"],
            microsoft_subscription_id=seen["microsoft_subscription_id"],
            commerce=line["commerce"],
            rule_set=RULE_SETS[line["commerce"]],
            product=line["product"],
            product_title=line["product_title"],
            term=line["term"],
            charge_cycle=line["charge_cycle"],
            quantity=seen["quantity"],
            status=str(Status.ACTIVE),
            currency=line["currency"],
            segment=line["segment"],
            customer_id=operation.meta.customer,
            microsoft_order_id=seen["order_id"],
            friendly_name=line["friendly_name"],
            commitment_ends_on=_day(seen["commitment_ends_on"]),
            auto_renew=seen["auto_renew"],
            is_trial=line["is_trial"],
            quote=None if line["quote"] is None else AcceptedQuote(**line["quote"]),
            seat_lots=_lots(seen["seat_lots"])
            or lots_to(_first_lot(line["commerce"], seen["quantity"], started)),
            directory_sku_id=line["directory_sku_id"],
            external_refs={"microsoft_subscription_id": seen["microsoft_subscription_id"]},
        )
        return Recorded(
            stream=subscription_id, version=1, data=data, meta=_meta(operation, started, self._clock.now())
        )

    async def of_change(self, operation: Operation, answered: Answered) -> Facts:
        """The fact of a change; none where the stream shows it already (an observation came first)."""
        history = await self._store.load(operation.subject or "")
        state = fold(history)
        if state is None:
            raise ValueError(f"operation {operation.id} has no subject")
        now = self._clock.now()
        at = answered.at or operation.submitted_at or now
        events = [
            change
            for change in _changes(operation, state, operation.refs.get("after"), at)
            if not is_told_by_record(history, operation.id, change)
        ]
        # Somebody else may have done it: a reading, which waits for the record of that doing as every reading does.
        is_reading = bool(operation.refs.get(ALREADY))
        meta = _meta(operation, at, max(now, state.last_recorded_at))
        if is_reading:
            meta = replace(meta, effective_basis=EffectiveBasis.READING)
        recorded = [
            Recorded(
                stream=state.id,
                version=state.version + number,
                data=event,
                meta=replace(meta, superseded=is_superseded(history, event, at)),
            )
            for number, event in enumerate(events, start=1)
        ]
        waiting = [
            remember(reading_of(operation.id), state.id, value, at, event.version, is_open=True)
            for event in recorded
            if is_reading and (value := value_of(event.data)) is not None
        ]
        return Facts(events=recorded, also=waiting, resources=[state.id])


def _changes(
    operation: Operation, state: Subscription, after: Mapping[str, Any] | None, at: datetime
) -> Sequence[Any]:
    match operation.kind:
        case "subscription.change_quantity":
            quantity = operation.target["quantity"]
            if state.quantity == quantity:
                return []
            lots = _lots(after["seat_lots"]) if after else []
            return [
                QuantityChanged(
                    subscription_id=state.id,
                    tenant_id=state.tenant_id,
                    previous=state.quantity,
                    quantity=quantity,
                    seat_lots=lots or lots_to(lots_after(state, quantity, at)),
                )
            ]
        case "subscription.suspend":
            if state.status is Status.SUSPENDED:
                return []
            return [SubscriptionSuspended(subscription_id=state.id, tenant_id=state.tenant_id)]
        case "subscription.reactivate":
            if state.status is Status.ACTIVE:
                return []
            return [
                SubscriptionReactivated(
                    subscription_id=state.id, tenant_id=state.tenant_id, quantity=state.quantity
                )
            ]
        case "subscription.cancel":
            if state.status is Status.CANCELLED:
                return []
            return [SubscriptionCancelled(subscription_id=state.id, tenant_id=state.tenant_id)]
        case "subscription.set_end_of_term":
            choice = operation.target["end_of_term"]
            if state.auto_renew == (choice == "renew"):
                return []
            return [AutoRenewChanged(subscription_id=state.id, tenant_id=state.tenant_id, end_of_term=choice)]
        case kind:
            raise ValueError(f"operation kind {kind!r} is not known here")


def _meta(operation: Operation, effective_at: datetime, now: datetime) -> Meta:
    return replace(
        operation.meta,
        effective_at=effective_at,
        recorded_at=max(now, operation.meta.recorded_at),
        causation_id=operation.id,
    )


def _take_line(lines: list[dict[str, Any]], seen: Mapping[str, Any]) -> dict[str, Any]:
    """The line that a bought subscription came from; two of the same product and quantity are alike."""
    same = [
        line
        for line in lines
        if line["product"].lower() == str(seen["product"]).lower() and line["quantity"] == seen["quantity"]
    ]
    line = (same or lines)[0]
    lines.remove(line)
    return line


def _first_lot(commerce: str, quantity: int, started: datetime) -> tuple[OpenLot, ...]:
    return (open_window(quantity, started),) if commerce == "nce" else ()


def _lots(rows: Sequence[Mapping[str, Any]]) -> list[SeatLot]:
    return [
        SeatLot(
            quantity=row["quantity"],
            refundable_until=datetime.fromisoformat(row["refundable_until"]).astimezone(UTC),
        )
        for row in rows
    ]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
