"""Small matters of child processes: a free port, and children that end with their parent."""

import ctypes
import random
import signal
import socket

_PDEATHSIG = 1
_CHANCE = random.SystemRandom()


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many neighbouring ports that nobody listens on now.

    Drawn by chance below the ports that the kernel gives to outgoing connections: between the drawing and the use
    neither a connection nor another test that draws is likely to take one.
    """
    while True:
        first = _CHANCE.randrange(10_240, 32_000 - count)
        probes = [socket.socket() for _ in range(count)]
        try:
            for offset, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + offset))
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
        return first


def die_with_parent() -> None:
    """For `preexec_fn`: the kernel kills this process when the thread that made it ends (Linux)."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
