"""Buying at Partner Center: a cart, its checkout, and the orders that came of it (PC 5.1-5.4)."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from csp_partner_center.carts import NewLine
from csp_partner_center.client import PartnerCenter, Reseller
from csp_partner_center.errors import AlreadyExists, Changed
from csp_partner_center.operation_calls import ids_of, reseller_of
from csp_partner_center.orders import Order, OrderLine
from csp_partner_center.step_faults import as_step_faults
from csp_runtime.operations import Answered, Operation, OutcomeUnknown, Refused, Stale

CYCLES = {"P1M": "monthly", "P1Y": "annual", "P3Y": "triennial"}
STALE_AVAILABILITY = "400019"
CLOCKS_DIFFER = timedelta(minutes=2)
_LATEST = datetime.max.replace(tzinfo=UTC)

Line = Mapping[str, Any]
"""A line of an operation's target: `product`, `quantity`, `term`, `charge_cycle`, `commerce`."""


class CreateCart:
    """A cart buys nothing by itself; it tells early which line cannot be bought."""

    name = "cart"
    creates = False
    binds = False

    def __init__(self, client: PartnerCenter) -> None:
        self._client = client

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """The lines with the availability of the moment (its id changes without notice)."""
        del payload
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            return json.dumps(await _cart_lines(partner, operation)).encode()

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        """Create it; a bad line refuses the whole order before anything is bought.

        Raises `Stale` where all that is wrong is an availability that is not sold any more (PC 12: read again).
        """
        partner = reseller_of(self._client, operation)
        lines = [NewLine(**line) for line in json.loads(body)]
        with as_step_faults():
            answer = await partner.carts.create(
                operation.target["microsoft_tenant_id"], lines, ids_of(operation, request_id)
            )
        bad = [(line.id, line.error.error_code) for line in answer.value.bad_lines if line.error]
        if bad and all(code == STALE_AVAILABILITY for _, code in bad):
            raise Stale
        if bad:
            raise Refused(
                "upstream-rejected",
                "Microsoft does not sell a line of this order like this",
                lines=[{"line": line, "code": code} for line, code in bad],
            )
        return Answered(refs={"cart_id": answer.value.id})

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """A lost cart is of no use and costs nothing."""
        del operation, body
        return None


class Checkout:
    """The purchase. Idempotent by cart at Microsoft, and never repeated before the list delay."""

    name = "checkout"
    creates = True
    binds = True

    def __init__(self, client: PartnerCenter) -> None:
        self._client = client

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """What is bought lies in the cart; the orders that exist already tell a lost purchase apart from older ones."""
        del payload
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            orders = await partner.orders.of_customer(operation.target["microsoft_tenant_id"])
        return json.dumps({"known_orders": [order.id for order in orders.items]}).encode()

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        """Buy.

        A cart that was submitted before (800065) is bought: its orders are looked for until they show, never bought anew.
        """
        partner = reseller_of(self._client, operation)
        tenant, cart = operation.target["microsoft_tenant_id"], operation.refs["cart_id"]
        with as_step_faults():
            try:
                answer = await partner.carts.checkout(tenant, cart, ids_of(operation, request_id))
            except AlreadyExists as submitted:
                found = await self.read_back(operation, body)
                if found is None:
                    raise OutcomeUnknown(f"cart-submitted {submitted.upstream_code}") from None
                return found
            except Changed:
                await self._renew_cart(partner, operation, request_id)
                raise
        errors = [{"code": error.code} for error in answer.value.order_errors]
        if not answer.value.orders:
            raise Refused("upstream-rejected", "Microsoft refused the order", orders=errors)
        refs: dict[str, Any] = {"orders": [order.id for order in answer.value.orders]}
        return Answered(refs={**refs, "order_errors": errors} if errors else refs, at=answer.answered_at)

    async def _renew_cart(self, partner: Reseller, operation: Operation, request_id: str) -> None:
        """The same wishes in the same cart, with the availabilities of the moment."""
        lines = [NewLine(**line) for line in await _cart_lines(partner, operation)]
        own_id = str(uuid5(UUID(request_id), "cart"))
        await partner.carts.replace(
            operation.target["microsoft_tenant_id"],
            operation.refs["cart_id"],
            lines,
            ids_of(operation, own_id),
        )

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """Orders that were not there before, of the same goods."""
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            listed = await partner.orders.of_customer(operation.target["microsoft_tenant_id"])
        known = set(json.loads(body)["known_orders"])
        found = orders_for(operation.target["lines"], listed.items, known, since=operation.step_since)
        if not found:
            return None
        return Answered(refs={"orders": [order.id for order in found]}, at=found[0].creation_date)


def orders_for(
    lines: Sequence[Line], listed: Iterable[Order], known: Collection[str], *, since: datetime | None
) -> list[Order]:
    """The orders that bought exactly these lines, one per order group; empty while one is missing.

    Others may have bought or changed something meanwhile (each change lists an order of its own, PC 5.4): of several that
    fit, those made after `since` come first, the earliest of them first.
    """
    missing = list(lines)
    found: list[Order] = []
    fresh = [order for order in listed if order.id not in known]
    for order in sorted(fresh, key=lambda each: _nearest(each, since)):
        rest = _without(missing, order.line_items)
        if rest is not None:
            missing = rest
            found.append(order)
        if not missing:
            return found
    return []


def _nearest(order: Order, since: datetime | None) -> tuple[bool, datetime]:
    made = order.creation_date or _LATEST
    made = made.replace(tzinfo=UTC) if made.tzinfo is None else made
    return (since is not None and made < since - CLOCKS_DIFFER, made)


def _without(missing: Sequence[Line], bought: Sequence[OrderLine]) -> list[Line] | None:
    """What is left of the lines after these were bought; None where one was never wanted."""
    rest = list(missing)
    for item in bought:
        line = next((line for line in rest if _is_for(line, item)), None)
        if line is None:
            return None
        rest.remove(line)
    return rest if bought else None


def _is_for(line: Line, item: OrderLine) -> bool:
    product = ":".join((item.offer_id or "").split(":")[:2])
    if product.lower() != line["product"].lower() or item.quantity != line["quantity"]:
        return False
    if item.transaction_type is not None and item.transaction_type.lower() != "new":
        return False
    return line["commerce"] != "nce" or item.term_duration in (None, line["term"])


async def _cart_lines(partner: Reseller, operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "catalog_item_id": await _catalog_item(partner, operation.target["country"], line),
            "quantity": line["quantity"],
            "billing_cycle": CYCLES[line["charge_cycle"]],
            "term_duration": line["term"] if line["commerce"] == "nce" else None,
            "friendly_name": line.get("friendly_name"),
        }
        for number, line in enumerate(operation.target["lines"])
    ]


async def _catalog_item(partner: Reseller, country: str, line: Line) -> str:
    if line["commerce"] != "nce":
        return str(line["product"])
    product, sku = str(line["product"]).split(":")
    found = await partner.catalogue.availabilities(product, sku, country)
    cycle = CYCLES[line["charge_cycle"]]
    usable = [item for item in found.items if item.is_purchasable and item.has_term(line["term"], cycle)]
    if not usable:
        raise Refused("upstream-rejected", "Microsoft does not sell this product for this term")
    return usable[0].catalog_item_id
