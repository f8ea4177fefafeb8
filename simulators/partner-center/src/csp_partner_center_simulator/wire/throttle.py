"""Counts requests per minute of real time, refused ones too (PC 2.9)."""

import time
from collections.abc import Callable

from csp_partner_center_simulator.wire.errors import GatewayError

PUBLISHED = 500  # a minute and tenant, for customers, subscriptions and orders
COUNTED = (
    "customers.get",
    "customers.subscriptions",
    "customers.orders",
    "customers.carts",
    "customers.transfers",
)

# Operation: how often in how many seconds, and whether per customer (PC 2.9).
OF_THEIR_OWN = {
    "webhooks.validationEvents.create": (2, 60, False),
    "customers.migrations.newcommerce.create": (100, 300, False),
    "customers.migrations.newcommerce.validate": (450, 300, True),
}


class Throttle:
    """Fixed windows of a minute (or another length), per key."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._windows: dict[str, tuple[float, int]] = {}

    def count(self, key: str, limit: int, *, seconds: int = 60) -> None:
        """Count one request; 429 with the whole seconds to wait when it is over the limit."""
        now = self._monotonic()
        start, used = self._windows.get(key, (now, 0))
        if now - start >= seconds:
            start, used = now, 0
        self._windows[key] = (start, used + 1)
        if used >= limit:
            raise too_many(max(1, round(seconds - (now - start) + 0.5)))

    def clear(self) -> None:
        """Forget all counts."""
        self._windows.clear()


def too_many(seconds: float) -> GatewayError:
    """Make the gateway's 429; whole or fractional seconds."""
    return GatewayError(
        429,
        429,
        f"Rate limit is exceeded. Try again in {seconds} seconds.",
        headers={"Retry-After": str(seconds)},
    )
