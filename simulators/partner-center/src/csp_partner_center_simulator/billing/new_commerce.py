"""Charges of New Commerce: in advance by cycle, changes at once as refund and charge of the rest (PC 10.7)."""

from datetime import date, timedelta
from decimal import Decimal

from csp_partner_center_simulator.billing.lines import write
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.rules.money import line_down, prorated_unit, unit_down
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World

FULL_REFUND = timedelta(hours=24)


def cycle_length(one: Subscription) -> int:
    """Count the days of a full charge cycle: its own length, of a short first one that of its calendar unit."""
    if one.billing_cycle == "none":
        return (one.cycle_end - one.cycle_start).days + 1
    if one.first_cycle_partial:
        if one.billing_cycle == "monthly":
            return terms.month_length(one.cycle_start)
        return (
            terms.add_months(one.cycle_start, terms.CYCLE_MONTHS[one.billing_cycle]) - one.cycle_start
        ).days
    return (one.cycle_end - one.cycle_start).days + 1


def cycle(world: World, one: Subscription, charge_type: str) -> None:
    """Charge the cycle that begins: new, renew or cycleCharge."""
    days, of_days = (one.cycle_end - one.cycle_start).days + 1, cycle_length(one)
    if one.first_cycle_partial and days != of_days:
        amount = _rounded(world, "unit", one.unit_price, one.quantity, days, of_days)
        effective = prorated_unit(one.unit_price, days, of_days)
    else:
        amount, effective = one.unit_price * one.quantity, one.unit_price
    write(
        world,
        one,
        charge_type,
        one.cycle_start,
        one.cycle_end,
        quantity=one.quantity,
        amount=amount,
        effective=effective,
    )


def seats_changed(world: World, before: Subscription, after: Subscription) -> None:
    """Refund the old and charge the new quantity for the rest of the cycle, under one reference."""
    kind = "addQuantity" if after.quantity > before.quantity else "removeQuantity"
    _swap(world, before, after, kind, world.now.date(), rounding="line")


def converted(world: World, before: Subscription, after: Subscription, kind: str = "convert") -> None:
    """Refund the rest of the old product, term or plan; charge the first cycle of the new."""
    day, reference = world.now.date(), world.new_id("reference")
    _part(
        world,
        before,
        kind,
        day,
        before.cycle_end,
        quantity=before.quantity,
        sign=-1,
        rounding="unit",
        reference=reference,
    )
    days = (after.cycle_end - max(day, after.cycle_start)).days + 1
    if after.cycle_start == day and not after.first_cycle_partial:
        amount, effective = after.unit_price * after.quantity, after.unit_price
    else:
        of_days = cycle_length(after)
        amount = _rounded(world, "unit", after.unit_price, after.quantity, days, of_days)
        effective = prorated_unit(after.unit_price, days, of_days)
    write(
        world, after, kind, max(day, after.cycle_start), after.cycle_end,
        quantity=after.quantity, amount=amount, effective=effective, reference=reference,
    )  # fmt: skip


def cancelled(world: World, before: Subscription) -> None:
    """Refund from the day of cancelling on; within 24 hours everything that the cycle was charged."""
    day = world.now.date()
    bought = before.cancel_until - terms.WINDOW if before.cancel_until else before.term_start
    if world.profile.full_refund_24h and world.now - bought <= FULL_REFUND:
        charged = sum(
            (
                one.amount
                for one in world.charges.by("subscription", before.id)
                if one.period_end == before.cycle_end and one.period_start >= before.cycle_start
            ),
            Decimal(0),
        )
        write(
            world, before, "cancelImmediate", before.cycle_start, before.cycle_end,
            quantity=before.quantity, amount=-charged, effective=-before.unit_price,
        )  # fmt: skip
        return
    _part(
        world,
        before,
        "cancelImmediate",
        day,
        before.cycle_end,
        quantity=before.quantity,
        sign=-1,
        rounding="unit",
        reference="",
    )


def moved(world: World, source: Subscription, left: int, reference: str) -> None:
    """Refund the rest of the source's cycle at the old quantity and charge what stays (partial transition)."""
    day = world.now.date()
    _part(
        world,
        source,
        "convert",
        day,
        source.cycle_end,
        quantity=source.quantity,
        sign=-1,
        rounding="unit",
        reference=reference,
    )
    if left:
        _part(
            world,
            source,
            "convert",
            day,
            source.cycle_end,
            quantity=left,
            sign=1,
            rounding="unit",
            reference=reference,
        )


def _swap(
    world: World, before: Subscription, after: Subscription, kind: str, day: date, *, rounding: str
) -> None:
    reference = world.new_id("reference")
    _part(
        world,
        before,
        kind,
        day,
        before.cycle_end,
        quantity=before.quantity,
        sign=-1,
        rounding=rounding,
        reference=reference,
    )
    _part(
        world,
        after,
        kind,
        day,
        after.cycle_end,
        quantity=after.quantity,
        sign=1,
        rounding=rounding,
        reference=reference,
    )


def _part(
    world: World,
    one: Subscription,
    kind: str,
    start: date,
    end: date,
    *,
    quantity: int,
    sign: int,
    rounding: str,
    reference: str,
) -> None:
    start = max(start, one.cycle_start)
    days, of_days = (end - start).days + 1, cycle_length(one)
    amount = _rounded(world, rounding, one.unit_price, quantity, days, of_days)
    write(
        world,
        one,
        kind,
        start,
        end,
        quantity=quantity,
        amount=sign * amount,
        effective=sign * prorated_unit(one.unit_price, days, of_days),
        reference=reference,
    )


def _rounded(world: World, rounding: str, price: Decimal, quantity: int, days: int, of_days: int) -> Decimal:
    """Cut at the line for seat changes, at the unit else; the profile can ask for one of both always."""
    wish = world.profile.nce_rounding
    if wish == "line_down" or (wish == "by_event" and rounding == "line"):
        return line_down(price, quantity, days, of_days)
    return unit_down(price, quantity, days, of_days)


def kept(world: World, one: Subscription, reference: str) -> None:
    """Charge what stays on a subscription for the rest of its cycle after a part of it moved away."""
    _part(
        world,
        one,
        "convert",
        world.now.date(),
        one.cycle_end,
        quantity=one.quantity,
        sign=1,
        rounding="unit",
        reference=reference,
    )


def quantity_moved(world: World, before: Subscription, after: Subscription) -> None:
    """Refund and charge a subscription that got seats of another (moveQuantity)."""
    _swap(world, before, after, "moveQuantity", world.now.date(), rounding="unit")


def transferred(world: World, one: Subscription, kind: str, sign: int) -> None:
    """Refund (transferOut) or charge (transferIn) the rest of the cycle when a subscription changes partners."""
    _part(
        world,
        one,
        kind,
        world.now.date(),
        one.cycle_end,
        quantity=one.quantity,
        sign=sign,
        rounding="unit",
        reference="",
    )
