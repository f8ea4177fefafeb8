"""Small matters of child processes: a free port, and children that end with their parent."""

import ctypes
import signal
import socket

_PDEATHSIG = 1


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def free_ports(count: int) -> int:
    """The first of so many neighbouring ports that nobody listens on now."""
    while True:
        first = free_port()
        probes = [socket.socket() for _ in range(count)]
        try:
            for offset, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + offset))
            return first
        except (OSError, OverflowError):
            continue
        finally:
            for probe in probes:
                probe.close()


def die_with_parent() -> None:
    """For `preexec_fn`: the kernel kills this process when the thread that made it ends (Linux)."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
