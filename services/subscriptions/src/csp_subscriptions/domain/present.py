"""Which event decides what is true of a subscription now, field by field, and since when.

A subscription's fields change independently of each other: seats that are bought later leave an earlier suspension in force.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.subscriptions_v1 import EffectiveTimeCorrected, SubscriptionCreated
from csp_subscriptions.domain.changed import fields_of

History = Sequence[Recorded[Any]]
"""A subscription's stream from its creation on; what each event is, its class says."""


def times_of(history: History) -> dict[int, datetime]:
    """When each event took effect, by version: as it was written, or as its last correction says."""
    times = {event.version: event.meta.effective_at for event in history}
    for event in history:
        if isinstance(event.data, EffectiveTimeCorrected):
            times[event.data.corrected_version] = event.meta.effective_at
    return times


def deciding(history: History, change: Any) -> Recorded[Any]:  # one of the contract's events
    """The event that decides the present value of what a change changes; the last of them where it changes several fields."""
    events = (_of_field(history, name) for name in fields_of(change))
    return max(events, key=lambda event: event.version, default=history[0])


def is_superseded(history: History, change: Any, at: datetime) -> bool:  # one of the contract's events
    """Whether later facts are known of every field that a change at an instant changes."""
    fields, times = fields_of(change), times_of(history)
    return bool(fields) and all(at < times[_of_field(history, name).version] for name in fields)


def _of_field(history: History, name: str) -> Recorded[Any]:
    return next(
        event
        for event in reversed(history)
        if isinstance(event.data, SubscriptionCreated)
        or (name in fields_of(event.data) and not event.meta.superseded)
    )
