"""Checkpoints as JSON values, for the table that keeps one per subscription and closed cycle.

A Plain is a list, anything else an object; both carry a version, so that a checkpoint of an older engine is refused
and the subscription folded from its first event instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from csp_billing.domain.facts import ChangeScheduled
from csp_billing.domain.lines import Line, LineKey
from csp_billing.domain.plain import Checkpoint, Plain
from csp_billing.domain.state import Charge, Edit, Segment, State
from csp_commerce_rules.charge_cycles import Grid
from csp_commerce_rules.seat_lots import SeatLot

VERSION = 1

_STATE = tuple(field.name for field in fields(State))
_CHARGE = tuple(field.name for field in fields(Charge))


class CheckpointUnreadable(Exception):
    """The checkpoint was written by another version of the engine."""

    code = "checkpoint-unreadable"


def pack(checkpoint: Checkpoint) -> list[Any] | dict[str, Any]:
    """A checkpoint as a JSON value."""
    if isinstance(checkpoint, Plain):
        return [VERSION, *checkpoint]
    packed: dict[str, Any] = {name: getattr(checkpoint, name) for name in _STATE}
    grid = checkpoint.grid
    schedule = checkpoint.schedule
    return packed | {
        "version": VERSION,
        "grid": [grid.month, grid.day, grid.step, grid.from_end],
        "charges": [[getattr(charge, name) for name in _CHARGE] for charge in checkpoint.charges],
        "segments": [[part.start, part.quantity, part.cause] for part in checkpoint.segments],
        "schedule": None
        if schedule is None
        else {field.name: getattr(schedule, field.name) for field in fields(schedule)}
        | {"at": None if schedule.at is None else schedule.at.isoformat()},
        "lots": [[lot.quantity, lot.open_until.isoformat()] for lot in checkpoint.lots],
        "window_from": None if checkpoint.window_from is None else checkpoint.window_from.isoformat(),
        "edits": [[edit.start, edit.until, edit.unit_price, edit.seq, edit.id] for edit in checkpoint.edits],
        "deferred": [list(line) for line in checkpoint.deferred],
    }


def unpack(packed: Sequence[Any] | Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of a JSON value that `pack` made. Raises CheckpointUnreadable."""
    if isinstance(packed, Mapping):
        if packed.get("version") != VERSION or set(packed) != {*_STATE, "version"}:
            raise CheckpointUnreadable(f"version {packed.get('version')}, this engine reads {VERSION}")
        return _state(packed)
    version, *values = packed
    if version != VERSION or len(values) != len(Plain._fields):
        raise CheckpointUnreadable(f"version {version}, this engine reads {VERSION}")
    return Plain(*values)


def _state(packed: Mapping[str, Any]) -> State:
    values = {name: packed[name] for name in _STATE}
    schedule = values["schedule"]
    window, months, plan = values["window_from"], values["cycle_months"], values["new_plan"]
    return State(
        **values
        | {
            "grid": Grid(*values["grid"]),
            "charges": [Charge(LineKey(*charge[0]), *charge[1:]) for charge in values["charges"]],
            "segments": [Segment(*part) for part in values["segments"]],
            "schedule": None
            if schedule is None
            else ChangeScheduled(
                **schedule
                | {"at": None if schedule["at"] is None else datetime.fromisoformat(schedule["at"])}
            ),
            "lots": tuple(
                SeatLot(quantity, datetime.fromisoformat(until)) for quantity, until in values["lots"]
            ),
            "window_from": None if window is None else datetime.fromisoformat(window),
            "edits": tuple(Edit(*edit) for edit in values["edits"]),
            "deferred": [_line(line) for line in values["deferred"]],
            "cycle_months": None if months is None else tuple(months),
            "new_plan": None if plan is None else tuple(plan),
        }
    )


def _line(packed: Sequence[Any]) -> Line:
    line = Line(*packed)
    return line._replace(
        key=LineKey(*line.key),
        caused_by=tuple(line.caused_by),
        reverses=None if line.reverses is None else LineKey(*line.reverses),
    )
