"""Which fact does what inside a cycle (sections 6 to 8)."""

from csp_billing.domain import facts as f
from csp_billing.domain.conversions import change_plan, convert, move_out, renew_off_boundary
from csp_billing.domain.corrections import take_listed_price
from csp_billing.domain.cycles import start
from csp_billing.domain.quantities import change_quantity, request_quantity
from csp_billing.domain.run import Run
from csp_billing.domain.steps import end
from csp_billing.domain.suspensions import cancel, reactivate, suspend


def apply(run: Run, fact: f.Fact, *, silent: bool = False) -> None:
    """Apply one fact on its day. `silent`: only the state, because a later fact of the same day decides (D-18)."""
    match fact:
        case f.Started():
            start(run, fact)
        case _ if run.state.status == "new":
            return  # nothing can happen before the start
        case _ if run.state.status == "ended":
            return  # nor after the end; price edits and credits still reach what was charged
        case f.QuantityChanged():
            change_quantity(run, fact, fact.quantity, silent=silent)
        case f.QuantityRequested():
            request_quantity(run, fact)
        case f.ProductChanged():
            convert(run, fact)
        case f.SeatsMovedOut():
            move_out(run, fact)
        case f.Suspended():
            suspend(run, fact)
        case f.Reactivated():
            reactivate(run, fact)
        case f.Cancelled():
            cancel(run, fact)
        case f.TransferredOut():
            end(run, fact, "convert_out")
        case f.Expired():
            run.state.status = "ended"
        case f.Renewed():
            renew_off_boundary(run, fact)
        case f.AutoRenewSet():
            run.state.auto_renew = fact.auto_renew
            if not fact.auto_renew:
                run.state.schedule = None  # 8.5: scheduled changes need auto-renew
        case f.AnchorMoved():
            run.state.new_anchor_day = fact.anchor_day  # D-11: at the end of the paid cycle
        case f.BillingPlanChanged():
            change_plan(run, fact)
        case f.ChangeScheduled():
            if fact.seq > run.state.last_change:
                run.state.schedule = fact
        case f.ScheduleDropped():
            run.state.schedule = None
        case f.PriceListed():
            take_listed_price(run, fact)
        case f.PriceEdited():
            pass  # registered before the day's other facts, split after them
        case f.Withdrawn() | f.TimeCorrected():
            pass  # taken out by `overlay` before the fold
        case f.Credited():
            pass  # after the day's other facts
        case _:
            raise AssertionError(f"unknown fact {type(fact).__name__}")
