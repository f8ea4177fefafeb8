"""Prices that change inside charged lines, and credits by hand (R5.3, R5.4, R11.5)."""

from csp_billing.domain import facts as f
from csp_billing.domain.groups import begin_segments, pending, recognise
from csp_billing.domain.lines import Line, LineKey
from csp_billing.domain.run import Run
from csp_billing.domain.state import Charge, Edit, Rejection
from csp_billing.domain.steps import charge_rest, posting_day, refund_rest_of

_PRICES = (f.PriceEdited, f.PriceListed)


def register_edits(run: Run, facts: list[f.Fact]) -> bool:
    """Let the day's historic price edits rule before its other facts are priced; whether prices change on the day."""
    for fact in facts:
        if isinstance(fact, f.PriceEdited):
            run.state.edits = (
                *run.state.edits,
                Edit(fact.day, fact.until, fact.unit_price, fact.seq, fact.id),
            )
    return any(isinstance(fact, _PRICES) for fact in facts)


def split_at_prices(run: Run, facts: list[f.Fact]) -> None:
    """Where a price edit or an immediate price change begins inside a charged line, split the line (R5.3, R5.4)."""
    causes = [fact for fact in facts if isinstance(fact, _PRICES)]
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
        charge_rest(run, cause, "price_correction")
        return
    for charge, since in stale:
        end = charge.end
        refund_rest_of(run, charge, cause, "price_correction", since=since)
        if since > max(day, charge.start):
            charge.end, charge.charged, charge.live = since, charge.open, True  # its days ahead still run
        run.charge(
            LineKey(run.state.cycle, "charge", f"{cause.id} of {charge.key}"),
            start=since,
            end=end,
            quantity=charge.quantity,
            reason="price_correction",
            posted=posting_day(run, day),
            caused_by=(cause.id,),
        )
    if any(charge.start <= day and since == day for charge, since in stale):
        run.settle_past(day)
        begin_segments(run, day, cause.id)


def take_listed_price(run: Run, fact: f.PriceListed) -> None:
    """A price change (R5.3). At once: quantities that wait for recognition are settled at the old price first."""
    policy = fact.policy or run.rules.price_policy
    if policy == "at_next_cycle":
        run.state.price_due = True
    if policy != "immediate_prorated":
        return
    before = run.state.price
    if pending(run) and run.listed_price(fact.day, fact.recorded).unit_price != before:
        recognise(run, fact.day, rest=False)
        run.lock_price(fact.day, recorded=fact.recorded)
        charge_rest(run, fact, "price_correction")
    else:
        run.lock_price(fact.day, recorded=fact.recorded)


def finds_line(run: Run, fact: f.Credited) -> bool:
    """Whether a credit belongs to a line that is there."""
    return fact.line_of is not None and _meant(run, fact) is not None


def credit(run: Run, fact: f.Credited) -> None:
    """A manual credit (R11.5): with a line it counts in that line's cap, without one it stands alone."""
    state = run.state
    amount, key, first, end = fact.amount, None, fact.day, fact.day + 1
    product = state.product
    if fact.line_of is not None:
        charge = _meant(run, fact)
        if charge is not None:
            amount = min(amount, charge.open)
            charge.open -= amount
            key, first, end, product = charge.key, charge.start, charge.end, charge.product
        elif fact.line_open is not None:
            amount, first, end = min(amount, fact.line_open), fact.line_of, fact.line_of + 1
            key = fact.line
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
            fact.text,
            "R11.5",
            (fact.id,),
            key,
        )
    )


def _meant(run: Run, fact: f.Credited) -> Charge | None:
    return next((c for c in reversed(run.state.charges) if c.charged and _is_meant(c, fact)), None)


def _is_meant(charge: Charge, fact: f.Credited) -> bool:
    return charge.key == fact.line if fact.line is not None else charge.start == fact.line_of
