"""Changes of the quantity: what they post, which gate a request meets, and the seat lots behind it (8.1 to 8.4)."""

from csp_billing.domain import facts as f
from csp_billing.domain.groups import note_quantity, recognise
from csp_billing.domain.run import Run
from csp_billing.domain.state import Rejection
from csp_billing.domain.steps import is_billed, note_immediate, replace_rest
from csp_commerce_rules.seat_lots import Refusal, may_change_quantity, open_window, put, take


def change_quantity(run: Run, fact: f.Fact, quantity: int, *, silent: bool = False) -> None:
    """Another quantity from a day on. `silent`: only the state, a later fact of the day decides (D-18)."""
    state = run.state
    note_immediate(run, fact)
    before, state.quantity = state.quantity, quantity
    lots_follow(run, fact, before, quantity)
    if silent or not is_billed(run):
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
    replace_rest(run, fact, "add_quantity" if quantity > before else "remove_quantity")


def request_quantity(run: Run, fact: f.QuantityRequested) -> None:
    """A command at the gate of its rule set: it changes the quantity, or is rejected with the day it could (8.1)."""
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
        change_quantity(run, fact, fact.quantity)


def lots_follow(run: Run, fact: f.Fact, before: int, after: int) -> None:
    """Added seats open a window of their own; seats given back come out of open ones, newest first (D-12)."""
    if run.rules.rule_set != "nce":
        return
    state = run.state
    if after > before:
        state.lots = put(state.lots, open_window(after - before, fact.instant))
    elif after < before:
        state.lots, _ = take(state.lots, before - after, fact.instant)
