"""Tells the caller that an answer is that of an earlier request with the same key: `Idempotency-Replayed: true`."""

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

HEADER = "Idempotency-Replayed"
_TOLD = (HEADER.lower().encode(), b"true")

# A list and not a flag: who notes a replay may do it from a thread, which sees the same list in a copy of the context.
_noted: ContextVar[list[bool] | None] = ContextVar("csp_replayed", default=None)


def note_replay() -> None:
    """The answer to the present request was given before; nothing was done now."""
    noted = _noted.get()
    if noted is not None:
        noted.append(True)


class Replays:
    """ASGI middleware: commands whose answer is a repetition say so."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        noted: list[bool] = []
        before = _noted.set(noted)

        async def answer(message: MutableMapping[str, Any]) -> None:
            if noted and message["type"] == "http.response.start" and _TOLD not in message["headers"]:
                message["headers"] = [*message["headers"], _TOLD]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            # Embedded services are called inside the gateway's own request: each has notes of its own.
            _noted.reset(before)
