"""Whether, how often and how soon a call is repeated."""

from dataclasses import dataclass

from csp_partner_center.calls import Call
from csp_partner_center.errors import (
    BreakerOpen,
    NoAnswer,
    NotConnected,
    NotDone,
    PartnerCenterError,
    ServiceFailed,
    Throttled,
    UnreadableAnswer,
)
from csp_partner_center.settings import PartnerCenterSettings


def backoff(attempt: int, chance: float, *, first: float, longest: float) -> float:
    """Seconds before attempt number `attempt` + 1, full jitter: `chance` (0 to 1) of an exponentially growing span."""
    span: float = min(longest, first * 2.0 ** (attempt - 1))
    return chance * span


@dataclass(slots=True)
class RetryBudget:
    """Repetitions may be at most a tenth of the calls (after the first ten), or an outage would multiply its own load."""

    _tenths: int = 100

    def earned(self) -> None:
        """A call succeeded."""
        self._tenths = min(100, self._tenths + 1)

    def spend(self) -> bool:
        """Whether one more repetition is allowed."""
        if self._tenths < 10:
            return False
        self._tenths -= 10
        return True


def pause_before_repeating(
    call: Call,
    fault: PartnerCenterError,
    attempt: int,
    *,
    chance: float,
    budget: RetryBudget,
    settings: PartnerCenterSettings,
) -> float | None:
    """Seconds until a call that failed is sent again, with the same id and bytes (PC 2.7); None where it is not.

    Spends of the budget. `attempt`: how often it was sent; `chance`: 0 to 1, for the jitter.
    """
    if not _may_repeat(call, fault):
        return None
    if not isinstance(fault, Throttled) and (attempt > settings.retries or not budget.spend()):
        return None
    pause = backoff(attempt, chance, first=settings.first_backoff, longest=settings.longest_backoff)
    if isinstance(fault, Throttled):
        # PC 2.9: wait exactly as long as asked, after the second 429 longer.
        return (fault.retry_after or 1.0) + (pause if attempt > 1 else 0.0)
    return pause if fault.retry_after is None else max(pause, fault.retry_after)


def _may_repeat(call: Call, fault: PartnerCenterError) -> bool:
    match fault:
        case BreakerOpen():
            return False
        case Throttled() | NotConnected():
            return True
        case NoAnswer() | ServiceFailed() | UnreadableAnswer():
            return call.is_repeatable or call.method in ("GET", "HEAD")
        case NotDone():
            return False
        case _:
            return False
