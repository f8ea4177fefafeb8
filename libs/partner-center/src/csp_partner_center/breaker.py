"""Leaves a failing service alone for a while: one breaker per reseller and process."""

from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` calls in a row without an answer or with 5xx; after `pause` seconds one call may try.

    Times are seconds of the monotonic clock.
    """

    failures: int
    pause: float
    _in_a_row: int = 0
    _closed_until_probe: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until a call may go; 0 when it may go now (and then counts as the probe)."""
        if self._closed_until_probe is None:
            return 0.0
        if now < self._closed_until_probe:
            return self._closed_until_probe - now
        self._closed_until_probe = now + self.pause
        return 0.0

    def succeeded(self) -> None:
        """There was an answer, even a refusal."""
        self._in_a_row = 0
        self._closed_until_probe = None

    def failed(self, now: float) -> None:
        """There was no answer, or the service failed."""
        self._in_a_row += 1
        if self._in_a_row >= self.failures:
            self._closed_until_probe = now + self.pause
