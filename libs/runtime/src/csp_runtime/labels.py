"""Labels: keys and values of the reseller's own on an object, changed by a merge patch (RFC 7396)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from csp_contracts.envelope import Recorded
from csp_runtime.commands import Decision
from csp_runtime.problems import InvalidParameter, Problem

MOST_LABELS, LONGEST_VALUE = 50, 200
KEY = r"[a-z][a-z0-9_]{0,39}"
_KEY = re.compile(KEY)


def merged(labels: Mapping[str, str], patch: Mapping[str, str | None]) -> dict[str, str]:
    """The labels after a patch: null takes one away. Raises a `Problem` of type `validation` that names each wrong one."""
    invalid = [
        InvalidParameter(field=f"labels.{key[:100]}", rule=rule, reason=reason)
        for key, value in patch.items()
        for rule, reason in _faults(key, value)
    ]
    after = {key: value for key, value in {**labels, **patch}.items() if value is not None}
    if len(after) > MOST_LABELS:
        invalid.append(
            InvalidParameter(field="labels", rule="max_length", reason=f"would be more than {MOST_LABELS}")
        )
    if invalid:
        raise Problem("validation", "The request breaks a rule", invalid=invalid)
    return dict(sorted(after.items()))


def relabelled(
    identifier: str,
    version: int,
    before: Mapping[str, str],
    patch: Mapping[str, str | None],
    event: Callable[[dict[str, str]], Recorded[Any]],
) -> Decision:
    """What a patch comes to: `event` of the labels afterwards, or nothing where it says nothing new. Raises as `merged`."""
    labels = merged(before, patch)
    events = [] if labels == before else [event(labels)]
    return Decision(
        events=events, answer={"id": identifier, "labels": labels, "version": version + len(events)}
    )


def _faults(key: str, value: str | None) -> list[tuple[str, str]]:
    faults = []
    if not _KEY.fullmatch(key):
        faults.append(("key", "a key is small letters, digits and underscores, a letter first, 40 at most"))
    if value is not None and (len(value) > LONGEST_VALUE or not value.isprintable()):
        faults.append(("value", f"must be printable and have no more than {LONGEST_VALUE} characters"))
    return faults
