"""Charges of legacy subscriptions: the cycle in advance, quantity changes on the next anniversary (PC 10.7)."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from msgspec.structs import replace

from csp_partner_center_simulator.billing.lines import write
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.subscriptions import OpenCharge, Subscription
from csp_partner_center_simulator.state.world import World

CENT = Decimal("0.01")
CYCLE_FEE = "Cycle fee"
INSTANCE_PRORATE = "Cycle instance prorate"


def prorated(one: Subscription, days: int, of_days: int) -> Decimal:
    """Give the unit price of some days: monthly plans by a day rate of three places, annual ones exactly."""
    if one.billing_cycle == "monthly":
        rate = (one.unit_price / of_days).quantize(Decimal("0.001"), ROUND_HALF_UP)
        return (rate * days).quantize(CENT, ROUND_HALF_UP)
    exact = Fraction(one.unit_price) * days / of_days
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(CENT, ROUND_HALF_UP)


def part(one: Subscription, quantity: int, days: int, of_days: int) -> Decimal:
    """Give the amount of some days: unit times quantity; annual plans round once, at the line."""
    if days == of_days:
        return one.unit_price * quantity
    if one.billing_cycle == "monthly":
        return prorated(one, days, of_days) * quantity
    exact = Fraction(one.unit_price) * quantity * days / of_days
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(CENT, ROUND_HALF_UP)


def natural_cycle(one: Subscription) -> tuple[date, int]:
    """Give the first day the cycle would have if it were full, and its length in days."""
    if one.billing_cycle == "none":
        return one.cycle_start, (one.cycle_end - one.cycle_start).days + 1
    following = one.cycle_end + terms.DAY
    start = terms.add_months(following, -terms.CYCLE_MONTHS[one.billing_cycle])
    return start, (following - start).days


def bought(world: World, one: Subscription) -> Subscription:
    """Charge the first cycle: a full one, or for an add-on the rest of its base's."""
    if one.is_trial:
        _line(world, one, CYCLE_FEE, one.cycle_start, one.cycle_end, one.quantity, Decimal(0), Decimal(0))
        return replace(one, segments=((one.cycle_start, one.quantity),))
    _, of_days = natural_cycle(one)
    days = (one.cycle_end - one.cycle_start).days + 1
    if one.first_cycle_partial and days < of_days:
        unit, amount = prorated(one, days, of_days), part(one, one.quantity, days, of_days)
        kind = "Prorate fees when purchase"
    else:
        unit, amount = one.unit_price, one.unit_price * one.quantity
        kind = CYCLE_FEE if one.billing_cycle == "monthly" else "Prorate fees when purchase"
    _line(world, one, kind, one.cycle_start, one.cycle_end, one.quantity, amount, unit)
    return _opened(one, one.cycle_start, one.cycle_end, one.quantity, amount)


def quantity_noted(one: Subscription, day: date) -> Subscription:
    """Remember a new quantity; it is billed on the next anniversary."""
    kept = tuple(segment for segment in one.segments if segment[0] < day)
    return replace(one, segments=(*kept, (day, one.quantity)))


def recognised(world: World, one: Subscription, until: date) -> tuple[Subscription, bool]:
    """On an anniversary: take the open charge back, charge each stretch up to `until` (exclusive) with its
    quantity, and what is left of the cycle with the last one. Tells whether there was anything to correct.
    """
    paid = one.open_charge
    quantities = {quantity for _, quantity in one.segments}
    if paid is None or (len(quantities) <= 1 and quantities <= {paid.quantity}):
        return replace(one, segments=((until, one.quantity),)), False
    _reverse(world, one, paid, INSTANCE_PRORATE)
    _stretches(world, one, paid.start, until)
    rest_days = (paid.end - until).days + 1
    if rest_days <= 0:
        return replace(one, open_charge=None, segments=((until, one.quantity),)), True
    _, of_days = natural_cycle(one)
    amount = part(one, one.quantity, rest_days, of_days)
    _line(
        world, one, INSTANCE_PRORATE, until, paid.end, one.quantity, amount, prorated(one, rest_days, of_days)
    )
    return _opened(one, until, paid.end, one.quantity, amount), True


def cycle(world: World, one: Subscription, *, changed: bool, renewed: bool) -> Subscription:
    """Charge the cycle that begins today."""
    kind = INSTANCE_PRORATE if changed else "Renew fee" if renewed else CYCLE_FEE
    amount = one.unit_price * one.quantity
    _line(world, one, kind, one.cycle_start, one.cycle_end, one.quantity, amount, one.unit_price)
    return _opened(one, one.cycle_start, one.cycle_end, one.quantity, amount)


def suspended(world: World, one: Subscription, day: date) -> Subscription:
    """Give back the rest from that day on; within the first month everything."""
    paid = one.open_charge
    if paid is None or one.is_trial or paid.end < day:
        return replace(one, open_charge=None)
    if _in_first_month(one, day):
        _reverse(world, one, paid, "Cancel fee")
    elif len({quantity for _, quantity in one.segments}) > 1:
        _reverse(world, one, paid, "Cancel instance prorate")
        _stretches(world, one, paid.start, day)
    else:
        _, of_days = natural_cycle(one)
        days = (paid.end - max(day, paid.start)).days + 1
        amount = min(part(one, paid.quantity, days, of_days), paid.amount)
        unit = prorated(one, days, of_days) if days < of_days else one.unit_price
        _line(world, one, "Cancel fee", max(day, paid.start), paid.end, paid.quantity, -amount, -unit)
    return replace(one, open_charge=None)


def reactivated(world: World, one: Subscription, day: date) -> Subscription:
    """Charge the rest from that day on; within the first month everything again."""
    if one.is_trial:
        return one
    start, of_days = natural_cycle(one)
    if _in_first_month(one, day):
        amount, unit = one.unit_price * one.quantity, one.unit_price
        kind = "Activation fee"
    else:
        days = (one.cycle_end - day).days + 1
        amount, unit = part(one, one.quantity, days, of_days), prorated(one, days, of_days)
        kind = "Prorate fees when activate"
    _line(world, one, kind, max(day, start), one.cycle_end, one.quantity, amount, unit)
    return _opened(one, day, one.cycle_end, one.quantity, amount)


def converted(world: World, before: Subscription, after: Subscription) -> Subscription:
    """Credit what is left of the old, charge the new cycle. The published names are the wrong way round (PC 10.6)."""
    day, paid = world.now.date(), before.open_charge
    if paid is not None and not before.is_trial:
        _, of_days = natural_cycle(before)
        days = (paid.end - max(day, paid.start)).days + 1
        amount = min(part(before, paid.quantity, days, of_days), paid.amount)
        unit = prorated(before, days, of_days) if days < of_days else before.unit_price
        _line(
            world,
            before,
            "Prorate fees when convert to a new offering",
            max(day, paid.start),
            paid.end,
            paid.quantity,
            -amount,
            -unit,
        )
    amount = after.unit_price * after.quantity
    _line(
        world, after, "Prorate fees when convert away from current offering",
        after.cycle_start, after.cycle_end, after.quantity, amount, after.unit_price,
    )  # fmt: skip
    return _opened(after, after.cycle_start, after.cycle_end, after.quantity, amount)


def _in_first_month(one: Subscription, day: date) -> bool:
    return day < terms.add_months(one.created_at.date(), 1)


def _opened(one: Subscription, start: date, end: date, quantity: int, amount: Decimal) -> Subscription:
    return replace(
        one,
        open_charge=OpenCharge(start=start, end=end, quantity=quantity, amount=amount),
        segments=((start, quantity),),
    )


def _reverse(world: World, one: Subscription, paid: OpenCharge, kind: str) -> None:
    unit = (paid.amount / paid.quantity).quantize(CENT, ROUND_HALF_UP) if paid.quantity else Decimal(0)
    _line(world, one, kind, paid.start, paid.end, paid.quantity, -paid.amount, -unit)


def _stretches(world: World, one: Subscription, start: date, until: date) -> None:
    _, of_days = natural_cycle(one)
    bounds = [*(day for day, _ in one.segments), until]
    for (day, quantity), following in zip(one.segments, bounds[1:], strict=True):
        first, last = max(day, start), min(following, until)
        if first < last and quantity:
            days = (last - first).days
            unit = prorated(one, days, of_days)
            _line(
                world,
                one,
                INSTANCE_PRORATE,
                first,
                last - terms.DAY,
                quantity,
                part(one, quantity, days, of_days),
                unit,
            )


def _line(
    world: World,
    one: Subscription,
    kind: str,
    start: date,
    end: date,
    quantity: int,
    amount: Decimal,
    unit: Decimal,
) -> None:
    write(world, one, kind, start, end, quantity=quantity, amount=amount, effective=unit, unit_price=unit)
