"""The two steps of every change: give back the rest of what was charged, charge the rest of what is now true."""

from csp_billing.domain import facts as f
from csp_billing.domain.groups import begin_segments, pending, recognise
from csp_billing.domain.lines import LineKey, Reason
from csp_billing.domain.run import Run
from csp_billing.domain.state import Charge


def note_immediate(run: Run, fact: f.Fact) -> None:
    """An immediate change voids what is scheduled for the renewal, if it was recorded later (8.5)."""
    state = run.state
    state.last_change = max(state.last_change, fact.seq)
    if state.schedule is not None and state.schedule.seq < fact.seq:
        state.schedule = None


def is_billed(run: Run) -> bool:
    """Whether days from now on are charged in the running cycle."""
    return not run.between and not run.state.free and is_paid(run)


def is_paid(run: Run) -> bool:
    """Whether a cycle that begins now is charged: a suspended subscription is not, where the rules say so."""
    return run.state.status == "active" or (
        run.state.status == "suspended" and not run.rules.suspension_stops_billing
    )


def posting_day(run: Run, day: int) -> int:
    """The day on which a pair for a change is posted under the rules' recognition."""
    return run.monthly_anniversary(day) if run.rules.recognition == "next_anniversary" else day


def replace_rest(run: Run, fact: f.Fact, reason: Reason) -> None:
    """The plain change of flex and new commerce (section 7): refund of the rest, charge of the rest."""
    posted = posting_day(run, fact.day)
    for charge in run.live_charges(fact.day):
        refund_rest_of(run, charge, fact, reason, posted=posted)
    charge_rest(run, fact, reason, posted=posted)


def close(run: Run, fact: f.Fact, reason: Reason) -> None:
    """Give back the rest of what is charged; pending quantity changes are settled first (D-10)."""
    if pending(run):
        recognise(run, fact.day, rest=False)
    for charge in run.live_charges(fact.day):
        refund_rest_of(run, charge, fact, reason)
    run.settle_past(fact.day)
    run.bring_forward(fact.day)
    run.state.segments, run.state.recognise_on = [], None


def end(run: Run, fact: f.Fact, reason: Reason) -> None:
    """Settle the subscription and bill it no more."""
    if is_billed(run):
        close(run, fact, reason)
    run.state.status = "ended"


def refund_rest_of(
    run: Run,
    charge: Charge,
    fact: f.Fact,
    reason: Reason,
    *,
    posted: int | None = None,
    since: int | None = None,
) -> None:
    """Give back a charge from a day on (R4.4); `since` where that is later than the fact's day."""
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


def charge_rest(
    run: Run, fact: f.Fact, reason: Reason, *, posted: int | None = None, key: str | None = None
) -> None:
    """Charge the present quantity from the fact's day to the end of the cycle."""
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
