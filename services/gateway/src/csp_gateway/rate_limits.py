"""How many requests a caller may make, told on every answer (draft-ietf-httpapi-ratelimit-headers).

A window is counted in each gateway process by itself: several of them allow several times as much, and none waits for another.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from csp_runtime.clock import Clock
from csp_runtime.problems import Problem
from csp_runtime.scope import Scope

WINDOW_SECONDS = 60
_MOST_REMEMBERED = 10_000
_TOLD = "csp.rate"

AsgiScope = MutableMapping[str, Any]
Asgi = Callable[[AsgiScope, Any, Any], Awaitable[None]]


@dataclass(slots=True)
class Window:
    """What is left of a caller's quota, and when there is a new one."""

    left: int
    ends_at: float


class RateLimits:
    """Windows by caller: one person, or one machine, of one reseller."""

    def __init__(self, quota: int, clock: Clock) -> None:
        self.quota = quota
        self._clock = clock
        self._windows: dict[tuple[str, str], Window] = {}

    def take(self, scope: Scope, request: AsgiScope) -> None:
        """Count a request and note what is left; `Problem` `quota-exceeded` where nothing was."""
        now = self._clock.monotonic()
        caller = (scope.reseller, scope.actor)
        window = self._windows.get(caller)
        if window is None or window.ends_at <= now:
            window = self._begin(caller, now)
        window.left -= 1
        request[_TOLD] = window
        if window.left < 0:
            raise Problem(
                "quota-exceeded",
                "Too many requests",
                f"A caller may make {self.quota} requests in {WINDOW_SECONDS} s",
                retry_after=ceil(window.ends_at - now),
            )

    def headers(self, request: AsgiScope) -> list[tuple[bytes, bytes]]:
        """The policy, and for a caller that is known what is left of it."""
        told = [(b"ratelimit-policy", b'"default";q=%d;w=%d' % (self.quota, WINDOW_SECONDS))]
        window: Window | None = request.get(_TOLD)
        if window is not None:
            rest = ceil(max(0.0, window.ends_at - self._clock.monotonic()))
            told.append((b"ratelimit", b'"default";r=%d;t=%d' % (max(0, window.left), rest)))
        return told

    def _begin(self, caller: tuple[str, str], now: float) -> Window:
        if len(self._windows) >= _MOST_REMEMBERED:
            self._windows = {each: window for each, window in self._windows.items() if window.ends_at > now}
        window = Window(self.quota, now + WINDOW_SECONDS)
        self._windows[caller] = window
        return window


class RateLimitHeaders:
    """ASGI middleware: what `RateLimits` counted stands on every answer, also on a refusal."""

    def __init__(self, app: Asgi, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: AsgiScope, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._limits.headers(scope)]
            await send(message)

        await self._app(scope, receive, answer)
