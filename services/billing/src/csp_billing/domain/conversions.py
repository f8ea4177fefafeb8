"""Conversions: another product for all seats or some of them, and another billing plan (6.1, 8.1, 8.6)."""

from csp_billing.domain import facts as f
from csp_billing.domain.cycles import leave_cycle, open_cycle, renew
from csp_billing.domain.quantities import lots_follow
from csp_billing.domain.run import Run
from csp_billing.domain.state import Rejection
from csp_billing.domain.steps import charge_rest, close, end, is_billed, is_paid, note_immediate
from csp_commerce_rules.charge_cycles import MONTHS, grid_from, grid_on_day
from csp_commerce_rules.days import add_months
from csp_commerce_rules.seat_lots import open_window, take

MOVES_TOO_MANY = "moves-more-than-owned"
"""Code of a conversion that moves more seats than the subscription has; only those are billed on."""


def convert(run: Run, fact: f.ProductChanged) -> None:
    """Another product for all seats. It keeps cycle and term, unless it brings its own or the old one was a trial."""
    state, rules = run.state, run.rules
    note_immediate(run, fact)
    was_trial = state.price == 0
    keeps = rules.upgrade_keeps_cycle
    if (
        keeps is None or rules.rule_set == "legacy_aligned"
    ):  # 6.2: the cycles are the reseller's, not the product's
        keeps = not was_trial or rules.rule_set == "legacy_aligned"
    # D-11: a moved anchor that still waits comes into force with the conversion, which ends the paid cycle.
    anchor_day = state.new_anchor_day if fact.anchor_day is None else fact.anchor_day
    anchored = fact.anchor is not None or anchor_day is not None
    moves = anchored or (fact.frequency is not None and fact.frequency != state.frequency)
    billed, pays = is_billed(run), is_paid(run)
    if billed:
        close(run, fact, "convert_out")
    before, state.quantity = state.quantity, fact.quantity or state.quantity
    lots_follow(run, fact, before, state.quantity)
    state.product = fact.product
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
    run.lock_price(fact.day, recorded=fact.recorded)
    if keeps and not moves:
        if billed:
            charge_rest(run, fact, "convert_in")
        return
    state.new_anchor_day = None
    if fact.anchor is not None:
        state.grid = grid_from(fact.anchor, run.step)
    elif anchor_day is not None:
        state.grid = grid_on_day(anchor_day, fact.day, run.step)
    elif keeps and state.term_end is not None and not rules.legacy:
        state.grid = grid_from(state.term_end, run.step)  # the term's end stays, so the cycles lead up to it
    else:
        state.grid = grid_from(fact.day, run.step)
    if anchored and fact.term_end is None and state.term_end is not None and rules.rule_set != "nce":
        state.term_end = state.grid.on_or_after(state.term_end)
    if not run.between:
        state.cycle += 1
        open_cycle(run, fact.day, reason="convert_in", fee=pays)


def move_out(run: Run, fact: f.SeatsMovedOut) -> None:
    """Seats leave for another subscription, which begins with its own fact."""
    state = run.state
    note_immediate(run, fact)
    if fact.quantity > state.quantity:
        run.rejections.append(Rejection(fact.id, fact.seq, MOVES_TOO_MANY, None))
    if fact.quantity >= state.quantity:
        end(run, fact, "convert_out")
        return
    billed = is_billed(run)
    if billed:
        close(run, fact, "convert_out")
    state.quantity -= fact.quantity
    state.lots, _ = take(state.lots, fact.quantity, fact.instant)
    if billed:
        charge_rest(run, fact, "convert_out")


def change_plan(run: Run, fact: f.BillingPlanChanged) -> None:
    """Another frequency: new commerce waits for the end of the charge cycle, all others begin a new cycle at once."""
    state, rules = run.state, run.rules
    if fact.frequency == state.frequency and fact.product in {None, state.product}:
        state.new_plan = None  # back to the present plan: what was still waiting is off
        return
    if rules.rule_set == "nce":
        # 8.6: at the end of a charge cycle
        state.new_plan = (fact.frequency, fact.product, fact.cycle_end, fact.id)
        return
    note_immediate(run, fact)
    billed, pays = is_billed(run), is_paid(run)
    if billed:
        close(run, fact, "convert_out")
    state.frequency = fact.frequency
    state.product = fact.product or state.product
    state.cause = fact.id
    # A named end of the first cycle is a date of the new grid, so that full cycles follow it.
    state.grid = grid_from(fact.cycle_end or fact.day, run.step)
    if rules.legacy:
        state.promotion = 0
        if state.term is not None:
            state.term = "P3Y" if fact.frequency == "P3Y" else "P1Y"  # 8.6: the term is reset to 12 months
            reset = add_months(fact.day, MONTHS[state.term])
            on_grid = state.grid.cycle(reset)[0]
            state.term_end = on_grid if on_grid > fact.day else reset
    run.lock_price(fact.day, recorded=fact.recorded)
    if not run.between:
        state.cycle += 1
        open_cycle(run, fact.day, reason="convert_in", fee=pays)


def renew_off_boundary(run: Run, fact: f.Renewed) -> None:
    """A renewal that was observed where no term should end: the cycle is settled on that day and a new term begins.

    On a boundary there is nothing to do here; `cycles.renew` has read what was observed.
    """
    if run.between or run.state.status not in {"active", "suspended"}:
        return
    note_immediate(run, fact)
    billed, pays = is_billed(run), is_paid(run)
    if billed:
        close(run, fact, "renew")
    leave_cycle(run)
    run.state.grid = grid_from(fact.day, run.step)
    renew(run, fact.day, fact)
    run.state.cycle += 1
    open_cycle(run, fact.day, reason="renew", fee=pays)
