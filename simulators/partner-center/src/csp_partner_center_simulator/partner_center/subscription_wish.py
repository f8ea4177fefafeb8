"""Reads what a subscription PATCH asks for (PC 6.3, 6.5)."""

from csp_partner_center_simulator.commerce.coterm import allowed_end_dates
from csp_partner_center_simulator.commerce.plan_change import unsold
from csp_partner_center_simulator.commerce.wish import Wish
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.subscriptions import NextCharge, NextTerm, ProductChoice, Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.of_2020 import CYCLES, STATES
from csp_partner_center_simulator.wire.request import Body


def read_wish(world: World, before: Subscription, body: Body) -> Wish:
    """Read the wished resource. Left out: auto-renew means off, instructions mean none (the trap of PC 6.3)."""
    if not body.members:
        raise invalid("The body must be the subscription as read, changed in place.")
    if (given := body.text("id")) and given.lower() != before.id:
        raise invalid("id is not the subscription of the path.", code=800021)
    quantity = body.whole("quantity")
    status = body.text("status", before.status).lower()
    if world.profile.closed_enums and STATES.get(before.status) == status:
        status = before.status
    if status not in {"active", "suspended", "deleted", "pending", "expired", "disabled", "none"}:
        raise ApiError(400, 900126, f"status '{status[:20]}' is not known.")
    if status in {"none", "pending", "expired", "disabled"}:
        status = before.status
    return Wish(
        quantity=before.quantity if quantity is None else quantity,
        status=status,
        auto_renew=body.flag("autoRenewEnabled") or False,
        friendly_name=body.text("friendlyName", before.friendly_name) or before.friendly_name,
        billing_cycle=_cycle(world, before, body),
        term=(body.text("termDuration", before.term).upper() or before.term)
        if before.commerce == "nce"
        else before.term,
        reseller_mpn=body.text("partnerId", before.reseller_mpn),
        next_term=_read_next_term(world, before, body),
        next_charge=_read_next_charge(before, body),
    )


def _cycle(world: World, before: Subscription, body: Body) -> str:
    cycle = body.text("billingCycle").replace("_", "").lower() or before.billing_cycle
    unchanged = world.profile.closed_enums and CYCLES.get(before.billing_cycle) == cycle
    return before.billing_cycle if unchanged else cycle


def _read_next_term(world: World, before: Subscription, body: Body) -> NextTerm | None:
    wish = body.object("scheduledNextTermInstructions")
    if not wish.members:
        return None
    product = wish.object("product")
    choice = _read_choice(before, product)
    item = world.catalogue.sku(choice.product_id, choice.sku_id)
    if item is None:
        raise ApiError(404, 400018, f"The SKU {choice.product_id}:{choice.sku_id} was not found.")
    refused = unsold(item, choice.term, choice.billing_cycle, bad_term=800121)
    if refused is not None:
        raise refused
    quantity = wish.whole("quantity") or before.quantity
    if not item.minimum <= quantity <= item.maximum:
        raise ApiError(
            400, 900275, f"The scheduled quantity must be between {item.minimum} and {item.maximum}."
        )
    end = wish.at("customTermEndDate")
    if end is not None:
        start = before.term_end + terms.DAY
        allowed = {
            found
            for found, _, _ in allowed_end_dates(
                world, world.customers[before.customer_id], before.partner_id, term=choice.term, start=start
            )
        }
        if end.date() not in allowed:
            outside = not start <= end.date() <= terms.term_end(start, choice.term)
            monthly = choice.term == "P1M" and end.day >= 28  # may not align to the 28th to 30th (PC 6.7)
            code = 900245 if outside or monthly else 900246
            raise ApiError(400, code, f"The next term cannot end on {end.date()}.")
    return NextTerm(product=choice, quantity=quantity, custom_term_end_date=end)


def _read_next_charge(before: Subscription, body: Body) -> NextCharge | None:
    wish = body.object("nextChargeInstructions")
    if not wish.members:
        return None
    return NextCharge(
        product=_read_choice(before, wish.object("product")),
        quantity=wish.whole("quantity") or before.quantity,
    )


def _read_choice(before: Subscription, product: Body) -> ProductChoice:
    return ProductChoice(
        product_id=(product.text("productId") or before.product_id).upper(),
        sku_id=(product.text("skuId") or before.sku_id).upper().rjust(4, "0"),
        availability_id=(product.text("availabilityId") or before.availability_id).upper(),
        billing_cycle=(product.text("billingCycle") or before.billing_cycle).replace("_", "").lower(),
        term=(product.text("termDuration") or before.term).upper(),
        promotion_id=product.text("promotionId"),
    )
