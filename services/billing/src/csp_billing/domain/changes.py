"""How each fact inside a cycle becomes lines (sections 6 to 8): close what was charged, charge what is now true."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from csp_billing.domain import facts as f
from csp_billing.domain.cycles import open_cycle, start
from csp_billing.domain.groups import begin_segments, note_quantity, pending, recognise
from csp_billing.domain.lines import Line, LineKey, Reason
from csp_billing.domain.run import Run
from csp_billing.domain.state import Charge, Edit, Rejection
from csp_commerce_rules.charge_cycles import MONTHS, grid_from, grid_on_day
from csp_commerce_rules.days import add_months
from csp_commerce_rules.seat_lots import (
    FULL_REFUND,
    WINDOW,
    Refusal,
    may_change_quantity,
    open_window,
    take,
)


def apply(run: Run, fact: f.Fact, *, silent: bool = False) -> None:
    """Apply one fact on its day. `silent`: only the state, because a later fact of the same day decides (D-18)."""
    match fact:
        case f.Started():
            start(run, fact)
        case _ if run.state.status == "new":
            return  # nothing can happen before the start
        case f.QuantityChanged():
            _quantity(run, fact, fact.quantity, silent=silent)
        case f.QuantityRequested():
            _requested(run, fact)
        case f.ProductChanged():
            _convert(run, fact)
        case f.SeatsMovedOut():
            _move_out(run, fact)
        case f.Suspended():
            _suspend(run, fact)
        case f.Reactivated():
            _reactivate(run, fact)
        case f.Cancelled():
            _cancel(run, fact)
        case f.TransferredOut():
            _end(run, fact, "convert_out")
        case f.Expired():
            run.state.status = "ended"
        case f.Renewed():
            pass  # a renewal is a term boundary; `cycles` reads what was observed there
        case f.AutoRenewSet():
            run.state.auto_renew = fact.auto_renew
            if not fact.auto_renew:
                run.state.schedule = None  # 8.5: scheduled changes need auto-renew
        case f.AnchorMoved():
            run.state.new_anchor_day = fact.anchor_day  # D-11: at the end of the paid cycle
        case f.BillingPlanChanged():
            _change_plan(run, fact)
        case f.ChangeScheduled():
            if fact.seq > run.state.last_change:
                run.state.schedule = fact
        case f.ScheduleDropped():
            run.state.schedule = None
        case f.PriceListed():
            _take_listed_price(run, fact)
        case f.PriceEdited():
            pass  # registered before the day's other facts, split after them
        case f.Withdrawn() | f.TimeCorrected():
            pass  # taken out by `overlay` before the fold
        case f.Credited():
            pass  # after the day's other facts
        case _:
            raise AssertionError(f"unknown fact {type(fact).__name__}")


def register_edits(run: Run, facts: list[f.Fact]) -> None:
    """Let the day's historic price edits rule before its other facts are priced."""
    for fact in facts:
        if isinstance(fact, f.PriceEdited):
            run.state.edits = (
                *run.state.edits,
                Edit(fact.day, fact.until, fact.unit_price, fact.seq, fact.id),
            )


def split_at_prices(run: Run, facts: list[f.Fact]) -> None:
    """Where a price edit or an immediate price change begins inside a charged line, split the line (R5.3, R5.4)."""
    causes = [fact for fact in facts if isinstance(fact, f.PriceEdited | f.PriceListed)]
    if not causes:
        return
    cause = causes[-1]
    day = cause.day
    stale = [
        (charge, since)
        for charge in run.live_charges(day)
        if (since := run.other_price_from(charge, day)) is not None
    ]
    if not stale:
        return
    if pending(run):
        recognise(run, day, rest=False)
        _charge_rest(run, cause, "price_correction")
        return
    for charge, since in stale:
        end = charge.end
        _refund_rest_of(run, charge, cause, "price_correction", since=since)
        if since > max(day, charge.start):
            charge.end, charge.charged, charge.live = since, charge.open, True  # its days ahead still run
        run.charge(
            LineKey(run.state.cycle, "charge", f"{cause.id} of {charge.key}"),
            start=since,
            end=end,
            quantity=charge.quantity,
            reason="price_correction",
            posted=_posting_day(run, day),
            caused_by=(cause.id,),
        )
    if any(charge.start <= day and since == day for charge, since in stale):
        run.settle_past(day)
        begin_segments(run, day, cause.id)


def _take_listed_price(run: Run, fact: f.PriceListed) -> None:
    """An immediate price change (R5.3): quantities that wait for recognition are settled at the old price first."""
    if run.rules.price_policy != "immediate_prorated":
        return
    before = run.state.price
    if pending(run) and run.listed_price(fact.day).unit_price != before:
        recognise(run, fact.day, rest=False)
        run.lock_price(fact.day)
        _charge_rest(run, fact, "price_correction")
    else:
        run.lock_price(fact.day)


def credit(run: Run, fact: f.Credited) -> None:
    """A manual credit (R11.5): with a line it counts in that line's cap, without one it stands alone."""
    state = run.state
    amount, key, first, end = fact.amount, None, fact.day, fact.day + 1
    product = state.product
    if fact.line_of is not None:
        charge = next((c for c in reversed(state.charges) if c.start == fact.line_of and c.charged), None)
        if charge is not None:
            amount = min(amount, charge.open)
            charge.open -= amount
            key, first, end, product = charge.key, charge.start, charge.end, charge.product
        elif fact.line_open is not None:
            amount, first, end = min(amount, fact.line_open), fact.line_of, fact.line_of + 1
        else:
            run.rejections.append(Rejection(fact.id, fact.seq, "line-not-found", None))
            return
        if amount < fact.amount:
            run.rejections.append(Rejection(fact.id, fact.seq, "credit-exceeds-line", None))
        if amount <= 0:
            return
    run.post(
        Line(
            LineKey(state.cycle, "adjustment", fact.id),
            run.subscription,
            product,
            "adjustment",
            "manual",
            fact.day,
            first,
            end,
            1,
            -amount * 10 ** (6 - run.rules.digits),
            -amount,
            1,
            1,
            0,
            "",
            "R11.5",
            (fact.id,),
            key,
        )
    )


# -- quantity ----------------------------------------------------------------------------------------------------


def _quantity(run: Run, fact: f.Fact, quantity: int, *, silent: bool = False) -> None:
    state = run.state
    _immediate(run, fact)
    before, state.quantity = state.quantity, quantity
    _lots_follow(run, fact, before, quantity)
    if silent or not _billed(run):
        return
    by_segments = run.rules.change_style == "reverse_and_segment"
    charged = {charge.quantity for charge in run.live_charges(fact.day)}
    if charged == {quantity} if charged and not by_segments else quantity == before:
        return
    state.cause = fact.id
    if by_segments:
        if charged:
            note_quantity(run, fact.day, fact.id)
            if run.rules.recognition == "on_the_day":
                recognise(run, fact.day, rest=True)
        return
    if run.rules.refund_policy == "none" and quantity <= max(charged, default=before):
        return  # paid is paid: the smaller quantity counts from the next cycle (W-25)
    _replace_rest(run, fact, "add_quantity" if quantity > before else "remove_quantity")


def _requested(run: Run, fact: f.QuantityRequested) -> None:
    state = run.state
    if state.status != "active":
        run.rejections.append(Rejection(fact.id, fact.seq, "not-active", None))
        return
    renews = state.term_end if state.auto_renew and state.term_end is not None else None
    answer = may_change_quantity(
        run.rules.rule_set,
        current=state.quantity,
        wanted=fact.quantity,
        lots=state.lots,
        at=fact.instant,
        renews_on=None,
    )
    if isinstance(answer, Refusal):
        run.rejections.append(Rejection(fact.id, fact.seq, answer.code, renews))
    else:
        _quantity(run, fact, fact.quantity)


def _lots_follow(run: Run, fact: f.Fact, before: int, after: int) -> None:
    if run.rules.rule_set != "nce" or run.between:
        return
    state = run.state
    if after > before:
        state.lots = (*state.lots, open_window(after - before, fact.instant))
    elif after < before:
        state.lots, _ = take(state.lots, before - after, fact.instant)


# -- conversion --------------------------------------------------------------------------------------------------


def _convert(run: Run, fact: f.ProductChanged) -> None:
    state, rules = run.state, run.rules
    _immediate(run, fact)
    was_trial = state.price == 0
    keeps = rules.upgrade_keeps_cycle if rules.upgrade_keeps_cycle is not None else not was_trial
    moves = (
        fact.anchor is not None
        or fact.anchor_day is not None
        or (fact.frequency is not None and fact.frequency != state.frequency)
    )
    billed = _billed(run)
    if billed:
        _close(run, fact, "convert_out")
    state.product = fact.product
    state.quantity = fact.quantity or state.quantity
    state.promotion = fact.promotion
    state.cause = fact.id
    if fact.frequency is not None:
        state.frequency = fact.frequency
    if fact.term_end is not None:
        state.term_end = fact.term_end
    elif (not keeps or (rules.legacy and moves)) and state.term is not None:
        state.term_end = add_months(fact.day, max(MONTHS[state.term], run.step))
        state.window_from = fact.instant
        if rules.rule_set == "nce":
            state.lots = (open_window(state.quantity, fact.instant),)
    run.lock_price(fact.day)
    if keeps and not moves:
        state.cycle_months = None if run.between else state.cycle_months
        if billed:
            _charge_rest(run, fact, "convert_in")
        return
    if fact.anchor is not None:
        state.grid = grid_from(fact.anchor, run.step)
    elif fact.anchor_day is not None:
        state.grid = grid_on_day(fact.anchor_day, fact.day, run.step)
    elif keeps and state.term_end is not None and not rules.legacy:
        state.grid = grid_from(
            state.term_end, run.step
        )  # the end of the term stays, so the cycles lead up to it
    else:
        state.grid = grid_from(fact.day, run.step)
    if not run.between:
        state.cycle += 1
        open_cycle(run, fact.day, reason="convert_in", fee=billed)


def _move_out(run: Run, fact: f.SeatsMovedOut) -> None:
    state = run.state
    _immediate(run, fact)
    if fact.quantity >= state.quantity:
        _end(run, fact, "convert_out")
        return
    billed = _billed(run)
    if billed:
        _close(run, fact, "convert_out")
    state.quantity -= fact.quantity
    state.lots, _ = take(state.lots, fact.quantity, fact.instant)
    if billed:
        _charge_rest(run, fact, "convert_out")


def _change_plan(run: Run, fact: f.BillingPlanChanged) -> None:
    state, rules = run.state, run.rules
    if rules.rule_set == "nce":
        state.new_plan = (
            fact.frequency,
            fact.product,
            fact.cycle_end,
            fact.id,
        )  # 8.6: at the end of a charge cycle
        return
    _immediate(run, fact)
    billed = _billed(run)
    if billed:
        _close(run, fact, "convert_out")
    state.frequency = fact.frequency
    state.product = fact.product or state.product
    state.cause = fact.id
    state.grid = grid_from(fact.day, run.step)
    if rules.legacy:
        state.promotion = 0
        if state.term is not None:
            state.term_end = add_months(fact.day, max(MONTHS[state.term], run.step))
    run.lock_price(fact.day)
    if not run.between:
        state.cycle += 1
        open_cycle(run, fact.day, reason="convert_in", fee=billed, end=fact.cycle_end)


# -- suspension, cancellation ------------------------------------------------------------------------------------


def _suspend(run: Run, fact: f.Suspended) -> None:
    state = run.state
    if state.status != "active":
        return
    state.last_change = max(state.last_change, fact.seq)
    if state.schedule is not None and state.schedule.seq < fact.seq:
        # 8.5: a suspension drops the scheduled change; an instruction on the frequency survives.
        frequency = state.schedule.frequency
        state.schedule = (
            None
            if frequency is None
            else replace(state.schedule, quantity=None, product=None, term=None, term_end=None)
        )
    if run.rules.suspension_stops_billing:
        _give_back(run, fact, "suspend")
    state.status = "suspended"


def _reactivate(run: Run, fact: f.Reactivated) -> None:
    state, rules = run.state, run.rules
    if state.status != "suspended":
        if state.status == "active" and fact.quantity is not None and fact.quantity != state.quantity:
            _quantity(run, fact, fact.quantity)
        return
    state.status = "active"
    if not rules.suspension_stops_billing:
        if fact.quantity is not None and fact.quantity != state.quantity:
            _quantity(run, fact, fact.quantity)
        return
    state.cause = fact.id
    old = state.quantity
    if run.between or state.free:
        state.quantity = fact.quantity or old
        return
    if state.refunded_whole and fact.day < state.first_month_until:
        # 6.1: the fee is restored in full at the old quantity; another quantity is a pair for the rest (D-9).
        run.charge(
            LineKey(state.cycle, "charge", fact.id),
            start=fact.day,
            end=state.cycle_end,
            basis=state.basis,
            quantity=old,
            reason="reactivate",
            posted=fact.day,
            caused_by=(fact.id,),
        )
        state.refunded_whole = False
        begin_segments(run, state.basis, fact.id)
        if fact.quantity is not None and fact.quantity != old:
            state.quantity = fact.quantity
            reason: Reason = "add_quantity" if fact.quantity > old else "remove_quantity"
            for charge in run.live_charges(fact.day):
                _refund_rest_of(run, charge, fact, reason)
            _charge_rest(run, fact, reason, key=f"{fact.id} quantity")
        return
    state.quantity = fact.quantity or old
    _charge_rest(run, fact, "reactivate")


def _cancel(run: Run, fact: f.Cancelled) -> None:
    if run.state.status == "ended":
        return
    _immediate(run, fact)
    if run.state.status == "active" or not run.rules.suspension_stops_billing:
        _give_back(run, fact, "cancel")
    run.state.status = "ended"


def _end(run: Run, fact: f.Fact, reason: Reason) -> None:
    if _billed(run):
        _close(run, fact, reason)
    run.state.status = "ended"


def _give_back(run: Run, fact: f.Fact, reason: Reason) -> None:
    """Refund of a suspension or cancellation by the refund policy."""
    state, policy = run.state, run.rules.refund_policy
    if run.between or state.free:
        return
    match policy:
        case "none":
            return
        case "prorated":
            _close(run, fact, reason)
        case "full_in_first_month_then_prorated":
            if fact.day < state.first_month_until:
                _give_back_all(run, fact, reason)
            else:
                _close(run, fact, reason)
        case "window_7d":
            if reason == "suspend":
                _close(run, fact, reason)
                return
            if state.window_from is None:
                return
            since = fact.instant - state.window_from
            if timedelta(0) <= since < FULL_REFUND or fact.day == state.cycle_start:
                _give_back_all(run, fact, reason)
            elif since < WINDOW:
                _close(run, fact, reason)
        case _:
            assert_never(policy)


def _give_back_all(run: Run, fact: f.Fact, reason: Reason) -> None:
    """All open amounts of the cycle (6.4, 8.2), each from its own line and never recomputed (R4.6)."""
    state = run.state
    for charge in state.charges:
        if charge.key.cycle == state.cycle and charge.open > 0:
            run.refund(
                charge,
                charge.open,
                start=max(fact.day, charge.start) if charge.end > fact.day else charge.start,
                reason=reason,
                posted=fact.day,
                cause=fact.id,
                rule="R4.6",
                days=charge.end - charge.basis,
                caused_by=(fact.id,),
            )
    state.refunded_whole = True
    state.segments, state.recognise_on = [], None


# -- the two steps -----------------------------------------------------------------------------------------------


def _immediate(run: Run, fact: f.Fact) -> None:
    """An immediate change voids what is scheduled for the renewal, if it was recorded later (8.5)."""
    state = run.state
    state.last_change = max(state.last_change, fact.seq)
    if state.schedule is not None and state.schedule.seq < fact.seq:
        state.schedule = None


def _billed(run: Run) -> bool:
    """Whether days from now on are charged in the running cycle."""
    state = run.state
    return (
        not run.between
        and not state.free
        and (
            state.status == "active"
            or (state.status == "suspended" and not run.rules.suspension_stops_billing)
        )
    )


def _posting_day(run: Run, day: int) -> int:
    return run.monthly_anniversary(day) if run.rules.recognition == "next_anniversary" else day


def _replace_rest(run: Run, fact: f.Fact, reason: Reason) -> None:
    posted = _posting_day(run, fact.day)
    for charge in run.live_charges(fact.day):
        _refund_rest_of(run, charge, fact, reason, posted=posted)
    _charge_rest(run, fact, reason, posted=posted)


def _close(run: Run, fact: f.Fact, reason: Reason) -> None:
    """Give back the rest of what is charged; pending quantity changes are settled first (D-10)."""
    if pending(run):
        recognise(run, fact.day, rest=False)
    for charge in run.live_charges(fact.day):
        _refund_rest_of(run, charge, fact, reason)
    run.settle_past(fact.day)
    run.state.segments, run.state.recognise_on = [], None


def _refund_rest_of(
    run: Run,
    charge: Charge,
    fact: f.Fact,
    reason: Reason,
    *,
    posted: int | None = None,
    since: int | None = None,
) -> None:
    day = fact.day if since is None else since
    used = max(0, day - charge.basis)
    run.refund(
        charge,
        run.rest_of(charge, day, reason),
        start=max(day, charge.start),
        reason=reason,
        posted=fact.day if posted is None else posted,
        cause=fact.id,
        rule="R4.4",
        days=charge.end - charge.basis - used,
        caused_by=(fact.id,),
    )


def _charge_rest(
    run: Run, fact: f.Fact, reason: Reason, *, posted: int | None = None, key: str | None = None
) -> None:
    state = run.state
    run.charge(
        LineKey(state.cycle, "charge", key or fact.id),
        start=fact.day,
        end=state.cycle_end,
        quantity=state.quantity,
        reason=reason,
        posted=fact.day if posted is None else posted,
        caused_by=(fact.id,),
    )
    begin_segments(run, fact.day, fact.id)
