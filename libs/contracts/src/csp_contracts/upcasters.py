"""From an older version of an event's data to the next, as plain JSON objects.

An upcaster is kept for every version ever published, so that any record ever written can be read as its newest type.
"""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

_next: dict[str, tuple[str, Callable[[Json], Json]]] = {}


def upcaster(old: str, new: str) -> Callable[[Callable[[Json], Json]], Callable[[Json], Json]]:
    """Register the step from one wire name to the next version's."""

    def register(step: Callable[[Json], Json]) -> Callable[[Json], Json]:
        if old in _next:
            raise ValueError(f"{old} has an upcaster already")
        _next[old] = (new, step)
        return step

    return register


def newest(wire_name: str) -> str:
    """The wire name at the end of the chain."""
    while wire_name in _next:
        wire_name = _next[wire_name][0]
    return wire_name


def upcast(wire_name: str, data: Json) -> tuple[str, Json]:
    """Carry data along the chain to its newest version."""
    while wire_name in _next:
        wire_name, step = _next[wire_name]
        data = step(data)
    return wire_name, data


def has_upcaster(wire_name: str) -> bool:
    """Whether there is a newer version to carry this one to."""
    return wire_name in _next
