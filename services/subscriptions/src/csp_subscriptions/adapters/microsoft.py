"""Steps that read and change subscriptions at Partner Center, and the mapping between its words and ours."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from csp_partner_center.calls import Call
from csp_partner_center.client import PartnerCenter, Reseller
from csp_partner_center.errors import NotFound
from csp_partner_center.operation_calls import ids_of, reseller_of
from csp_partner_center.step_faults import as_step_faults
from csp_partner_center.subscriptions import Subscription, cancelling, changing_auto_renew, changing_quantity
from csp_partner_center.subscriptions import reactivating as reactivating_call
from csp_partner_center.subscriptions import suspending as suspending_call
from csp_runtime.operations import Answered, Busy, Operation, Refused
from csp_subscriptions.adapters.buying import CYCLES

CHARGE_CYCLES = {word: cycle for cycle, word in CYCLES.items()}
ALREADY = "was_already"
"""In an operation's refs: before the call the resource was seen as wanted, so somebody else may have changed it."""
_ALREADY_SO = b"="


class ReadBought:
    """Subscription ids may come later than the order: read until every line has one."""

    name = "read"
    creates = False
    binds = True

    def __init__(self, client: PartnerCenter) -> None:
        self._client = client

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """Nothing is sent."""
        del operation, payload
        return b"{}"

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        """The bought subscriptions as Microsoft shows them."""
        del body, request_id
        partner = reseller_of(self._client, operation)
        tenant = operation.target["microsoft_tenant_id"]
        bought: list[dict[str, Any]] = []
        with as_step_faults():
            for order_id in operation.refs["orders"]:
                order = (await partner.orders.get(tenant, order_id)).value
                for item in order.line_items:
                    if item.subscription_id is None:
                        raise Busy("the subscription's id is not there yet", retry_after=1.0)
                    seen = await _get(partner, tenant, str(item.subscription_id))
                    if seen is None:
                        raise Busy("the subscription is not there yet", retry_after=1.0)
                    bought.append({**as_refs(seen), "order_id": order_id})
        return Answered(refs={"subscriptions": bought})

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """Reading again is the same as reading."""
        del operation, body
        return None


class ChangeSubscription:
    """One absolute change of an existing subscription: the whole resource is read, changed and written back."""

    creates = False
    binds = True

    def __init__(
        self,
        client: PartnerCenter,
        name: str,
        change: Callable[[str, Subscription, Mapping[str, Any]], Call],
        is_done: Callable[[Subscription, Mapping[str, Any]], bool],
    ) -> None:
        self.name = name
        self._client = client
        self._change = change
        self._is_done = is_done

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """The call, with the resource as it is now; refused where the resource is gone.

        It is sent even where the resource is seen as wanted already: what is seen may be an older value.
        """
        del payload
        target = operation.target
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            current = await _get(partner, target["microsoft_tenant_id"], target["microsoft_subscription_id"])
        if current is None:
            raise Refused("upstream-rejected", "Microsoft does not know this subscription any more")
        call = self._change(target["microsoft_tenant_id"], current, target).to_bytes()
        return _ALREADY_SO + call if self._is_done(current, target) else call

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        """Write it; the answer's own time is when it took effect."""
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            call = Call.from_bytes(body.removeprefix(_ALREADY_SO))
            answer = await partner.subscriptions.send(call, ids_of(operation, request_id))
        already = _already(body)
        if answer.value is not None and self._is_done(answer.value, operation.target):
            return Answered(refs={"after": as_refs(answer.value), **already}, at=answer.answered_at)
        confirmed = await self.read_back(operation, body)
        if confirmed is None:
            # Accepted, and not visible yet (202): the answer stands, a later reading confirms it.
            return Answered(refs=already, at=answer.answered_at)
        return Answered(refs=confirmed.refs, at=answer.answered_at)

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """Whether the subscription is as the target says."""
        target = operation.target
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            current = await _get(partner, target["microsoft_tenant_id"], target["microsoft_subscription_id"])
        if current is None or not self._is_done(current, target):
            return None
        return Answered(refs={"after": as_refs(current), **_already(body)})


def _already(body: bytes) -> dict[str, Any]:
    return {ALREADY: True} if body.startswith(_ALREADY_SO) else {}


def change_steps(client: PartnerCenter) -> dict[str, ChangeSubscription]:
    """The single step of each kind of change, by kind."""
    return {
        "subscription.change_quantity": ChangeSubscription(
            client,
            "change_quantity",
            lambda tenant, current, target: changing_quantity(tenant, current, target["quantity"]),
            lambda seen, target: seen.quantity == target["quantity"],
        ),
        "subscription.suspend": ChangeSubscription(
            client,
            "suspend",
            lambda tenant, current, _: suspending_call(tenant, current),
            lambda seen, _: seen.status == "suspended",
        ),
        "subscription.reactivate": ChangeSubscription(
            client,
            "reactivate",
            lambda tenant, current, _: reactivating_call(tenant, current),
            lambda seen, _: seen.status == "active",
        ),
        "subscription.cancel": ChangeSubscription(
            client,
            "cancel",
            lambda tenant, current, _: cancelling(tenant, current),
            lambda seen, _: seen.status == "deleted",
        ),
        "subscription.set_end_of_term": ChangeSubscription(
            client,
            "set_end_of_term",
            lambda tenant, current, target: changing_auto_renew(
                tenant, current, enabled=target["end_of_term"] == "renew"
            ),
            lambda seen, target: seen.auto_renew_enabled == (target["end_of_term"] == "renew"),
        ),
    }


def as_refs(seen: Subscription) -> dict[str, Any]:
    """What we keep of a subscription that Microsoft showed; no personal data are in it."""
    lots = seen.refundable_quantity.details if seen.refundable_quantity else []
    ends = seen.commitment_end_date or seen.commitment_end_date_time
    started = seen.effective_start_date or seen.creation_date
    return {
        "microsoft_subscription_id": str(seen.id),
        "product": seen.product,
        "offer_name": seen.offer_name,
        "quantity": seen.quantity,
        "status": str(seen.status),
        "auto_renew": seen.auto_renew_enabled,
        "started_at": None if started is None else _utc(started).isoformat(),
        "created_at": None if seen.creation_date is None else _utc(seen.creation_date).isoformat(),
        "commitment_ends_on": None if ends is None else _utc(ends).date().isoformat(),
        "seat_lots": [
            {"quantity": lot.quantity, "refundable_until": _utc(lot.allowed_until_date_time).isoformat()}
            for lot in lots
            if lot.allowed_until_date_time is not None
        ],
    }


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


async def _get(partner: Reseller, tenant: str, subscription: str) -> Subscription | None:
    try:
        return (await partner.subscriptions.get(tenant, subscription)).value
    except NotFound:
        return None
