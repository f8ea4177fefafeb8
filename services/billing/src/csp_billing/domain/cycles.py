"""Where cycles and terms begin: the start of a subscription, the next charge cycle, the renewal (3.2, 3.3, 8.5, 8.6)."""

from csp_billing.domain import facts as f
from csp_billing.domain.groups import begin_segments
from csp_billing.domain.lines import Line, LineKey, Reason
from csp_billing.domain.run import Run
from csp_billing.domain.state import Plan
from csp_billing.domain.steps import is_paid
from csp_commerce_rules.charge_cycles import MONTHS, Grid, grid_from, grid_on_day, legacy_anchor, nce_grid
from csp_commerce_rules.coterm import coterm_grid
from csp_commerce_rules.days import add_months, months_between
from csp_commerce_rules.seat_lots import open_window


def start(run: Run, fact: f.Started) -> None:
    """Begin the subscription: calendar, term, locked price, window, and the first charge."""
    state, rules = run.state, run.rules
    if state.status != "new":
        return
    state.status, state.product, state.quantity = "active", fact.product, fact.quantity
    state.promotion, state.cause = fact.promotion, fact.id
    state.frequency, state.term, state.auto_renew = rules.frequency, rules.term, rules.auto_renew
    state.window_from = fact.instant if fact.lots is None else fact.window_from
    reason: Reason = "convert_in" if fact.converted else "purchase"
    if fact.lots is not None:
        state.lots = fact.lots
    elif rules.rule_set == "nce":
        state.lots = (open_window(fact.quantity, fact.instant),)
    if fact.alignment is not None:
        _start_aligned(run, fact, fact.alignment, reason)
        return
    state.grid, first = _grid_of(run, fact)
    state.term_end = None if state.term is None else _term_end(state.grid, first, MONTHS[state.term])
    if fact.term_end is not None and fact.term_end != state.term_end:
        state.term_end = fact.term_end
        if rules.rule_set == "nce" and fact.paid_until is None:
            state.grid = coterm_grid(
                fact.term_end - 1, run.step
            )  # D-15; elsewhere the last cycle is cut (D-11)
    if rules.refund_policy == "full_in_first_month_then_prorated":
        monthly = Grid(state.grid.month, state.grid.day, 1)
        anniversary = rules.rule_set == "legacy_anniversary"
        state.first_month_until = monthly.cycle(first)[1] if anniversary else add_months(fact.day, 1)  # D-8
    run.lock_price(fact.day, recorded=fact.recorded)
    if fact.transferred:
        # R9.10: paid to another partner up to the end of the running cycle, which a known end of term tells as well.
        known = fact.term_end is not None and state.grid.cycle(fact.day)[0] != fact.day
        state.carried_until = fact.paid_until or (state.grid.cycle(fact.day)[1] if known else 0)
    if rules.rule_set == "legacy_anniversary" and rules.anchor is None and rules.anchor_day is None:
        # R2.7: days before an anchor on the 1st are free and printed inside the first line.
        open_cycle(run, fact.day, reason=reason, basis=first)
        return
    free = rules.free_stub and state.grid.cycle(fact.day)[0] != fact.day
    open_cycle(run, fact.day, reason=reason, free=free)


def _grid_of(run: Run, fact: f.Started) -> tuple[Grid, int]:
    """The grid of a new subscription, and the day its term counts from."""
    rules, day, months = run.rules, fact.day, run.step
    if fact.paid_until is not None:
        grid = grid_from(fact.paid_until, months)
        return grid, grid.cycle(day)[0]
    if rules.anchor is not None:
        return grid_from(rules.anchor, months), day
    if rules.anchor_day is not None and not (rules.rule_set == "legacy_aligned" and months > 1):
        grid = grid_on_day(rules.anchor_day, day, months)
        return grid, grid.start(0) if rules.legacy else day
    if rules.rule_set == "legacy_anniversary":
        anchor = legacy_anchor(day)
        return grid_from(anchor, months), anchor
    if rules.rule_set == "nce":
        return nce_grid(day, months, MONTHS[rules.term or "P1M"], rules.month_end), day
    return grid_from(day, months), day


def _start_aligned(run: Run, fact: f.Started, like: f.Alignment, reason: Reason) -> None:
    state = run.state
    state.grid, state.frequency = like.grid, like.frequency
    state.term_end = fact.term_end or like.term_end
    if run.rules.refund_policy == "full_in_first_month_then_prorated":
        state.first_month_until = add_months(fact.day, 1)
    run.lock_price(fact.day, recorded=fact.recorded)
    if like.suspended:
        state.status = "suspended"  # 6.1: with its base
    open_cycle(
        run,
        fact.day,
        reason=reason,
        fee=is_paid(run),
        basis=max(fact.day, like.paid_from),
        end=like.cycle_end,
        of_days=like.cycle_days,
        free=like.free,
    )


def open_cycle(
    run: Run,
    day: int,
    *,
    reason: Reason,
    fee: bool = True,
    free: bool = False,
    basis: int | None = None,
    end: int | None = None,
    of_days: int | None = None,
) -> None:
    """Begin a charge cycle on a day and, with `fee`, charge it in advance.

    A cycle that is cut by the grid or the term is a stub of the grid cycle it lies in (D-11).
    """
    state = run.state
    grid_start, grid_end = state.grid.cycle(day if basis is None else basis)
    natural_end = grid_end
    if state.term_end is not None and day < state.term_end < natural_end:
        natural_end = state.term_end
    state.cycle_start, state.cycle_end = day, end or natural_end
    state.basis = day if basis is None else basis
    state.cycle_days = of_days or (grid_end - grid_start)
    state.free, state.refunded_whole = free, False
    if state.cycle_months is not None:
        state.cycle_days = state.cycle_end - day
    if free:
        _free_stub(run, reason)
    elif fee:
        run.charge(
            LineKey(state.cycle, "fee", f"cycle:{state.cycle}"),
            start=day,
            end=state.cycle_end,
            basis=state.basis,
            quantity=state.quantity,
            reason=reason,
            posted=day,
            caused_by=(state.cause,),
            rule="D-11" if state.cycle_months is None else "8.6",
        )
    if fee and not free:
        begin_segments(run, state.basis, state.cause)
    else:
        state.segments, state.recognise_on = [], None


def _free_stub(run: Run, reason: Reason) -> None:
    """6.2: days up to the first billing date cost nothing; the zero line says so (R4.9)."""
    state = run.state
    price, price_ref = run.price_on(state.cycle_start)
    run.post(
        Line(
            LineKey(state.cycle, "fee", f"cycle:{state.cycle}"),
            run.subscription,
            state.product,
            "pro_rata",
            reason,
            state.cycle_start,
            state.cycle_start,
            state.cycle_end,
            state.quantity,
            price,
            0,
            0,
            state.cycle_days,
            0,
            price_ref,
            "6.2",
            (state.cause,),
            None,
        )
    )


def leave_cycle(run: Run) -> None:
    """The running cycle is over: what it charged is no longer live; older charges are forgotten unless kept."""
    state = run.state
    state.charges = [charge for charge in state.charges if charge.open > 0] if run.history else []
    for charge in state.charges:
        charge.live = False
    state.segments, state.recognise_on, state.cycle_months = [], None, None
    state.edits = tuple(edit for edit in state.edits if edit.until is None or edit.until > state.cycle_end)


def renew(run: Run, day: int, observed: f.Renewed | None) -> None:
    """Begin a new term with what was scheduled or observed for it (8.5), or end the subscription."""
    state, rules = run.state, run.rules
    stays_suspended = rules.rule_set == "nce" and state.status == "suspended"
    if (not state.auto_renew or stays_suspended) and observed is None:
        state.status = "ended"  # 8.5: not renewed, or suspended at its end
        return
    wish = observed or state.schedule
    if wish is not None and wish.product is not None:
        state.product = wish.product
    if wish is not None and wish.quantity is not None:
        state.quantity = wish.quantity
    if wish is not None and wish.term is not None:
        state.term = wish.term
    if wish is not None and wish.frequency is not None and wish.frequency != state.frequency:
        state.frequency = wish.frequency
        state.grid = _regrid(state.grid, day, run.step)
    months = max(MONTHS[state.term or state.frequency], run.step)
    if (
        not rules.legacy
        and rules.anchor is None
        and rules.anchor_day is None
        and state.grid.cycle(day)[0] != day
    ):
        state.grid = grid_from(day, run.step)  # 8.6: after a term cut short the following ones are full
    state.term_end = _term_end(state.grid, day, months)
    if wish is not None and wish.term_end is not None and wish.term_end != state.term_end:
        state.term_end = wish.term_end
        state.grid = coterm_grid(wish.term_end - 1, run.step)
    if wish is not None:
        state.cause = wish.id
    state.schedule, state.promotion = None, 0
    run.lock_price(day, recorded=0 if observed is None else observed.recorded)
    if rules.rule_set == "nce":
        instant = (
            observed.instant if observed is not None else f.Fact(id="", seq=0, day=day, recorded=day).instant
        )
        state.window_from = instant
        state.lots = (open_window(state.quantity, instant),)


def _regrid(grid: Grid, day: int, step: int) -> Grid:
    """The same day of the month with another step, if the day is on the grid; else a grid from the day."""
    same = Grid(grid.month, grid.day, 1, grid.from_end)
    n = same.index(day)
    return (
        Grid(same.month + n, grid.day, step, grid.from_end) if same.start(n) == day else grid_from(day, step)
    )


def _term_end(grid: Grid, day: int, months: int) -> int:
    n = grid.index(day)
    if grid.start(n) == day and months % grid.step == 0:
        return grid.start(n + months // grid.step)
    return add_months(day, months)


def next_cycle(run: Run, day: int, *, renewed: bool) -> None:
    """Open the cycle that begins on a day, after the day's facts were applied: the fee just has the new state."""
    state, rules = run.state, run.rules
    reason: Reason = "renew" if renewed else "cycle"
    end = None
    state.cycle += 1
    if state.new_plan is not None:
        reason, end = _new_plan(run, day, reason, state.new_plan)
    elif state.new_anchor_day is not None:
        state.grid = grid_on_day(state.new_anchor_day, day, run.step)
        state.new_anchor_day = None
        if rules.rule_set != "nce" and state.term_end is not None:
            state.term_end = state.grid.on_or_after(state.term_end)
        if state.grid.cycle(day)[0] != day:
            reason = "anchor_change"
    if not renewed and (state.price_due or state.term_end is None or rules.price_policy != "at_renewal"):
        run.lock_price(day)
    state.price_due = False
    open_cycle(run, day, reason=reason, fee=is_paid(run), end=end)


def _new_plan(run: Run, day: int, reason: Reason, plan: Plan) -> tuple[Reason, int | None]:
    """A new-commerce plan change at the end of a charge cycle; the dates of the term stay (8.6)."""
    state = run.state
    frequency, product, end, cause = plan
    old_end = Grid(state.grid.month, state.grid.day, state.grid.step, state.grid.from_end).cycle(day)[1]
    if end is not None and end == old_end and MONTHS[frequency] != run.step:
        return reason, None  # it names the end of the cycle that begins today: the plan changes after that
    state.new_plan = None
    state.frequency = frequency
    state.product = product or state.product
    state.cause = cause
    run.lock_price(day)
    step = run.step
    end = end if end is not None and end > day else None  # it may name the end of the cycle that is now over
    last = end or state.term_end
    if step > 1 and last is not None:
        before, state.grid = state.grid, grid_from(last, step)
        last = min(last, state.grid.cycle(day)[1])
        months = _months_left(before, day, last)
        if months is not None and 0 < months < step:
            state.cycle_months = (months, step)
        return "convert_in", last
    # A named end is a date of the new grid; without one the day of the month stays.
    state.grid = _regrid(state.grid, day, step) if end is None else grid_from(end, step)
    return "convert_in", None


def _months_left(grid: Grid, day: int, end: int) -> int | None:
    """Months from a start of the old cycles to the end of the new one; None where they do not meet on month dates."""
    monthly = Grid(grid.month, grid.day, 1, grid.from_end)
    first, last = monthly.index(day), monthly.index(end)
    if monthly.start(first) == day and monthly.start(last) == end:
        return last - first
    return months_between(day, end)
