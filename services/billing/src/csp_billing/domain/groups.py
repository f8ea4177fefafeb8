"""Legacy recognition (6.1, 6.4): a quantity change waits for the next monthly anniversary and is then posted as a group.

The group is the whole reversal of the advance, one segment per quantity, and for an annual cycle one segment for the
rest of the year (W-1, W-7, W-11).
"""

from csp_billing.domain.lines import LineKey, Reason
from csp_billing.domain.run import Run
from csp_billing.domain.state import Segment


def note_quantity(run: Run, day: int, cause: str) -> None:
    """Remember that the quantity is another one from a day on, and when that is recognised."""
    state = run.state
    if not state.segments:
        return
    last = state.segments[-1]
    if last.start >= day:
        last.quantity, last.cause = state.quantity, cause
    else:
        state.segments.append(Segment(day, state.quantity, cause))
    if state.recognise_on is None:
        state.recognise_on = day if run.rules.recognition == "on_the_day" else run.monthly_anniversary(day)


def begin_segments(run: Run, day: int, cause: str) -> None:
    """A new advance was charged; its quantity holds from a day on."""
    run.state.segments = [Segment(day, run.state.quantity, cause)]
    run.state.recognise_on = None


def pending(run: Run) -> bool:
    """Whether quantities since the advance differ from what was charged."""
    state = run.state
    if state.recognise_on is None:
        return False
    charged = {charge.quantity for charge in run.live()}
    return (
        charged != {part.quantity for part in state.segments}
        or len({part.quantity for part in state.segments}) > 1
    )


def recognise(run: Run, day: int, *, rest: bool) -> None:
    """Post the group for the days up to `day`; with `rest`, charge the remaining days at the present quantity."""
    state = run.state
    if not pending(run):
        state.recognise_on = None
        state.segments = state.segments[:1]
        return
    parts = _merged(state.segments)
    changes = parts[1:] or parts
    group = changes[0].cause
    causes = tuple(dict.fromkeys(part.cause for part in changes))
    live = run.live()
    before = next((charge.quantity for charge in live), 0)
    after = next((part.quantity for part in changes if part.quantity != before), state.quantity)
    reason: Reason = "add_quantity" if after > before else "remove_quantity"
    posted = day
    end = max((charge.end for charge in live), default=day)
    first = min((charge.start for charge in live), default=day)
    for charge in live:
        run.refund(
            charge,
            charge.open,
            start=charge.start,
            reason=reason,
            posted=posted,
            cause=group,
            rule="R4.6",
            days=charge.end - charge.basis,
            caused_by=causes,
        )
    for i, part in enumerate(parts):
        until = min(parts[i + 1].start if i + 1 < len(parts) else day, day)
        start = min(part.start, first) if i == 0 else part.start
        if start < until:
            run.charge(
                LineKey(state.cycle, "charge", f"before {group}")
                if i == 0 and (len(parts) > 1 or part.cause != group)
                else LineKey(state.cycle, "charge", part.cause),
                start=start,
                end=until,
                quantity=part.quantity,
                reason=reason,
                posted=posted,
                caused_by=causes,
                live=False,
            )
    state.recognise_on = None
    if rest and day < end:
        run.charge(
            LineKey(state.cycle, "charge", f"rest after {group}"),
            start=day,
            end=end,
            quantity=state.quantity,
            reason=reason,
            posted=posted,
            caused_by=causes,
        )
        begin_segments(run, day, group)
    else:
        state.segments = []


def _merged(parts: list[Segment]) -> list[Segment]:
    """Neighbouring segments of one quantity are one."""
    merged: list[Segment] = []
    for part in parts:
        if not merged or merged[-1].quantity != part.quantity:
            merged.append(part)
    return merged
