"""HEAD is answered as GET would be, without the body (RFC 9110, 9.3.2)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio

Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


class Heads:
    """ASGI middleware: routes are written for GET, and a stream ends with its head."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}

        async def head(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                scope.update({**asked, "method": "HEAD"})  # who is outside learns the route
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            elif message.get("more_body"):
                whole.cancel()

        with anyio.CancelScope() as whole:
            await self._app(asked, receive, head)
