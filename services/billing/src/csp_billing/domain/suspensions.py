"""Suspension, reactivation and cancellation under each refund policy (6.1, 6.4, 8.2)."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from csp_billing.domain import facts as f
from csp_billing.domain.cycles import open_cycle
from csp_billing.domain.groups import begin_segments, note_quantity
from csp_billing.domain.lines import LineKey, Reason
from csp_billing.domain.quantities import change_quantity
from csp_billing.domain.run import Run
from csp_billing.domain.steps import charge_rest, close, note_immediate, refund_rest_of
from csp_commerce_rules.charge_cycles import grid_on_day
from csp_commerce_rules.seat_lots import FULL_REFUND, WINDOW


def suspend(run: Run, fact: f.Suspended) -> None:
    """Stop billing where the rules say so, with the refund of their policy (6.1); drop a scheduled change (8.5)."""
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


def reactivate(run: Run, fact: f.Reactivated) -> None:
    """Bill again: in the first month the whole fee at the old quantity, later the rest of the cycle (6.1, D-9)."""
    state, rules = run.state, run.rules
    if state.status != "suspended":
        if state.status == "active" and fact.quantity is not None and fact.quantity != state.quantity:
            change_quantity(run, fact, fact.quantity)
        return
    state.status = "active"
    if not rules.suspension_stops_billing:
        if fact.quantity is not None and fact.quantity != state.quantity:
            change_quantity(run, fact, fact.quantity)
        return
    state.cause = fact.id
    old = state.quantity
    if run.between or state.free:
        state.quantity = fact.quantity or old
        return
    if fact.day < state.first_month_until and (state.refunded_whole or _began_unpaid(run)):
        _restore_fee(run, fact)
        return
    state.quantity = fact.quantity or old
    if state.new_anchor_day is not None:
        # D-11: no cycle is paid while it is suspended, so a moved anchor need not wait for an end of one.
        state.grid, state.new_anchor_day = grid_on_day(state.new_anchor_day, fact.day, run.step), None
        if state.term_end is not None and rules.rule_set != "nce":
            state.term_end = state.grid.on_or_after(state.term_end)
        state.cycle += 1
        open_cycle(run, fact.day, reason="reactivate")
        return
    charge_rest(run, fact, "reactivate")


def _began_unpaid(run: Run) -> bool:
    """Whether a later cycle of the first month began while suspended, so that its fee was never posted (6.4).

    Only a first month that began in a stub (`legacy_aligned`) reaches into a second cycle.
    """
    state = run.state
    return state.cycle > 0 and not any(charge.key.cycle == state.cycle for charge in state.charges)


def _restore_fee(run: Run, fact: f.Reactivated) -> None:
    """First month (6.1): the whole fee again, at the quantity it had; a change since is never billed for all of it.

    Changes from before the suspension wait for their recognition as they did; another quantity now is a pair for the
    rest of the cycle (D-9), or one more change where others wait.
    """
    state = run.state
    wanted = fact.quantity or state.quantity
    fee = next((charge for charge in reversed(state.charges) if charge.key.cycle == state.cycle), None)
    paid = state.quantity if fee is None else fee.quantity
    waiting = state.segments if run.rules.change_style == "reverse_and_segment" else []
    if waiting and waiting[0].quantity == paid:
        waiting = waiting[1:]  # the fee itself; a change on its own first day stands in its place
    state.quantity = paid
    run.charge(
        LineKey(state.cycle, "charge", f"{fact.id} fee"),
        start=fact.day,
        end=state.cycle_end,
        basis=state.basis,
        quantity=state.quantity,
        reason="reactivate",
        posted=fact.day,
        caused_by=(fact.id,),
    )
    state.refunded_whole = False
    begin_segments(run, state.basis, fact.id)
    for part in waiting:
        state.quantity = part.quantity
        note_quantity(run, part.start, part.cause)
        state.recognise_on = run.monthly_anniversary(fact.day)  # the one they waited for may be over
    if wanted == state.quantity:
        return
    before, state.quantity = state.quantity, wanted
    if waiting:
        note_quantity(run, fact.day, fact.id)
        return
    reason: Reason = "add_quantity" if wanted > before else "remove_quantity"
    for charge in run.live_charges(fact.day):
        refund_rest_of(run, charge, fact, reason)
    charge_rest(run, fact, reason, key=f"{fact.id} quantity")


def cancel(run: Run, fact: f.Cancelled) -> None:
    """End the subscription with the refund of its policy."""
    if run.state.status == "ended":
        return
    note_immediate(run, fact)
    if run.state.status == "active" or not run.rules.suspension_stops_billing:
        _give_back(run, fact, "cancel")
    run.state.status = "ended"


def give_back_first_day(run: Run, fact: f.Cancelled) -> None:
    """8.2: in full within 24 hours, also where the first cycle was a stub that is over on the day of the cancellation."""
    state = run.state
    if run.rules.refund_policy != "window_7d" or state.window_from is None:
        return
    if timedelta(0) <= fact.instant - state.window_from < FULL_REFUND and not state.free:
        _give_back_all(run, fact, "cancel")


def _give_back(run: Run, fact: f.Fact, reason: Reason) -> None:
    """Refund of a suspension or cancellation by the refund policy."""
    state, policy = run.state, run.rules.refund_policy
    if run.between or state.free:
        return
    match policy:
        case "none":
            return
        case "prorated":
            close(run, fact, reason)
        case "full_in_first_month_then_prorated":
            if fact.day < state.first_month_until:
                _give_back_all(run, fact, reason)
            else:
                close(run, fact, reason)
        case "window_7d":
            if reason == "suspend":
                close(run, fact, reason)
                return
            if state.window_from is None:
                return
            since = fact.instant - state.window_from
            if timedelta(0) <= since < FULL_REFUND or fact.day == state.window_from.toordinal():
                _give_back_all(run, fact, reason)
            elif since < WINDOW:
                close(run, fact, reason)
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
    for charge in run.live():
        charge.live = False  # one of nothing, too: no later price makes something of it
    run.bring_forward(fact.day)
    state.refunded_whole = True
    state.recognise_on = None  # the segments stay, for the fee may be restored
