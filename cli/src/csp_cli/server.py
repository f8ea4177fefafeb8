"""HTTP servers inside our own event loop: sockets bound first, signals left to us, an end within a second."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn


class PortBusy(Exception):
    """Something else listens there."""

    code = "port-busy"

    def __init__(self, host: str, port: int, variable: str) -> None:
        super().__init__(
            f"port {port} on {host} is in use: end what listens there, or set {variable} to another port"
        )


def bind(host: str, port: int, variable: str) -> socket.socket:
    """A bound socket; `PortBusy` names the variable that chooses another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP: else asyncio leaves Nagle's algorithm on, and each answer waits 40 ms between head and body.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise PortBusy(host, port, variable) from None
    listener.set_inheritable(False)
    return listener


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process as a whole decides when it ends."""
        yield


class Serving:
    """An ASGI app behind a bound socket. `dates` adds the machine's Date header, unless the app has a clock of its own."""

    def __init__(self, app: Any, listener: socket.socket, *, dates: bool = True) -> None:  # an ASGI app
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            server_header=False,
            date_header=dates,
        )
        self._server = _Server(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]), name="http server")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn tells by a flag
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Finish what is being answered, for a second at most."""
        self._server.should_exit = True
        if self._task is not None:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(1.5):
                    await self._task
        self._listener.close()
