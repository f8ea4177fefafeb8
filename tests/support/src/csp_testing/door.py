"""A door in front of a server: shut, nobody gets through and nobody stays; open, everything is as before."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Self


class Door:
    """A TCP proxy on loopback before `port`, for outages that end as suddenly as they begin."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._listener: socket.socket | None = None
        self._passing: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def open(self) -> None:
        """Let everybody through."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(256)
        self._listener = listener
        self._start(self._accept, listener)

    def shut(self) -> None:
        """Refuse who comes, and throw out who is inside."""
        if self._listener is not None:
            # Closing alone does not wake the thread that accepts.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for each in list(self._passing):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5.0)
        self._threads.clear()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                guest, _ = listener.accept()
            except OSError:
                return
            if self._listener is not listener:
                guest.close()
                return
            host = socket.create_connection(("127.0.0.1", self._behind))
            for one, other in ((guest, host), (host, guest)):
                self._passing.add(one)
                self._start(self._carry, one, other)

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._passing.discard(one)
        one.close()
