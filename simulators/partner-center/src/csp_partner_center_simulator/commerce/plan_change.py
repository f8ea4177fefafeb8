"""A longer term or another billing frequency in mid-term (PC 6.3)."""

from decimal import Decimal

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import lifecycle
from csp_partner_center_simulator.commerce.pricing import quote
from csp_partner_center_simulator.commerce.wish import Wish
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.subscriptions import NextCharge, ProductChoice, Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.errors import ApiError


def unsold(item: Item, term: str, cycle: str, *, bad_term: int) -> ApiError | None:
    """Give the refusal of a plan that an item is not sold with, None for one that it has (PC 12).

    `bad_term`: the code for a term that there is none of; 900270 is a cycle longer than the term, 900269 any other.
    """
    if (term, cycle) in item.plans:
        return None
    if term not in item.terms:
        code = bad_term
    else:
        code = 900270 if terms.CYCLE_MONTHS.get(cycle, 0) > terms.TERM_MONTHS[term] else 900269
    return ApiError(400, code, f"{item.title} is not sold with {term[:20]} and {cycle[:20]}.")


def plan_changed(world: World, one: Subscription, wish: Wish) -> Subscription:
    """Give the subscription the wished term and billing cycle, from today or from the next charge on."""
    if wish.billing_cycle == one.billing_cycle and wish.term == one.term:
        return one
    if one.commerce == "legacy":
        raise ApiError(400, 2054, "The billing cycle is changed on the order.")
    if one.is_trial:
        raise ApiError(400, 800107, "The term of a trial cannot be changed.")
    if wish.term not in terms.TERM_MONTHS:
        raise ApiError(400, 800121, f"termDuration '{wish.term[:20]}' is not known.")
    item = world.catalogue.sku(one.product_id, one.sku_id)
    if item is None:
        raise ApiError(403, 800028, f"{one.offer_name} is no longer sold.")
    refused = unsold(item, wish.term, wish.billing_cycle, bad_term=800121)
    if refused is not None:
        raise refused
    if wish.term == one.term:
        return _frequency(one, wish)
    if terms.TERM_MONTHS[wish.term] < terms.TERM_MONTHS[one.term]:
        raise ApiError(400, 800122, "A term can only be made longer before it ends; schedule a shorter one.")
    return lengthened(world, one, item, wish.term, wish.billing_cycle)


def _frequency(one: Subscription, wish: Wish) -> Subscription:
    # The frequency alone changes for three-year terms only, from the next charge on (PC 6.3).
    if one.term != "P3Y" or {one.billing_cycle, wish.billing_cycle} != {"monthly", "annual"}:
        raise ApiError(
            400, 800097, "The billing frequency can change between monthly and annual on 3-year terms only."
        )
    choice = ProductChoice(
        product_id=one.product_id,
        sku_id=one.sku_id,
        availability_id=one.availability_id,
        billing_cycle=wish.billing_cycle,
        term=one.term,
    )
    return replace(one, next_charge=NextCharge(product=choice, quantity=one.quantity))


def lengthened(world: World, one: Subscription, item: Item, term: str, cycle: str) -> Subscription:
    """Start a longer term today at today's price; scheduled changes go (PC 6.3, 6.5)."""
    day = world.now.date()
    second = terms.cycle_start(day, 1, cycle=cycle, term=term, from_month_end=lifecycle.documented(world))
    price = quote(item, term=term, cycle=cycle, quantity=one.quantity, currency=one.currency, day=day)
    return replace(
        one,
        term=term,
        billing_cycle=cycle,
        term_start=world.now,
        term_end=terms.term_end(day, term),
        anchor=day,
        cycle_number=0,
        cycle_start=day,
        cycle_end=min(terms.term_end(day, term), second - terms.DAY),
        first_cycle_partial=False,
        unit_price=price.discounted_price,
        discount=Decimal(0),
        promotion_id="",
        custom_term_end_date=None,
        next_term=None,
        next_charge=None,
    )
