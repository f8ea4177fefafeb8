"""How often and how soon a call is repeated."""

from dataclasses import dataclass


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
