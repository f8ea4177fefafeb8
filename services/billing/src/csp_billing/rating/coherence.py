"""Whether the entries of a timeline fit together: every subscription begins once, and references name something."""

from collections.abc import Sequence
from dataclasses import replace

from csp_billing.domain import facts as f
from csp_billing.rating.event_reading import Event

_WITHDRAWALS = {"purchase_withdrawn", "suspension_withdrawn"}


def check(events: Sequence[Event], faults: list[str]) -> list[Event]:
    """Note what cannot be, and resolve references by `seq` into facts; entries delivered twice count once."""
    once = _once(events, faults)
    by_seq = {event.seq: event for event in once}
    starts: dict[str, Event] = {}
    resolved = [_resolve(event, once, by_seq, faults) for event in once]
    withdrawn = {ref for event in resolved for ref in event.refs if event.name in _WITHDRAWALS}
    for event in once:
        if event.starts is None or event.seq in withdrawn:
            continue
        if event.starts in starts:
            field = "to_subscription" if event.name == "seats_moved" else "subscription"
            faults.append(
                f'{event.path}.{field}: "{event.starts}" already began in {starts[event.starts].path}'
            )
        starts.setdefault(event.starts, event)
    begun = {event.starts: event for event in once if event.starts is not None}
    corrected = _first_days(resolved, by_seq)
    latest = _latest_days(resolved, by_seq)
    for event in once:
        if event.subscription is not None and event.subscription not in begun:
            faults.append(f'{event.path}.subscription: "{event.subscription}" never begins')
        elif event.needs is not None and event.needs[1] not in begun:
            faults.append(f'{event.path}.{event.needs[0]}: "{event.needs[1]}" never begins')
        elif event.needs is not None and event.needs[1] == event.subscription:
            faults.append(f"{event.path}.{event.needs[0]}: must be another subscription")
        elif event.name == "effective_time_corrected":
            _check_correction(event, by_seq, corrected, faults)
        elif event.name == "historic_price_edited":
            continue  # it prices days, those of a later subscription too
        elif event.facts and event.starts is None and event.subscription in corrected:
            first = corrected[event.subscription]
            if latest.get(event.seq, event.day) < first:
                faults.append(f"{event.path}.effective_on: is before the subscription begins")
    return resolved


def _check_correction(
    event: Event, by_seq: dict[int, Event], begins: dict[str, int], faults: list[str]
) -> None:
    """A corrected day must leave the event after the beginning of what it changes, or it would silently be lost."""
    for ref in event.refs:
        told = by_seq.get(ref)
        if told is None or told.starts == told.subscription or told.subscription is None:
            continue
        if told.name == "historic_price_edited":
            continue
        if event.day < begins.get(told.subscription, event.day):
            faults.append(f"{event.path}.effective_on: is before the subscription begins")


def _latest_days(events: Sequence[Event], by_seq: dict[int, Event]) -> dict[int, int]:
    """Latest day that any version of a corrected entry has, by its `seq`."""
    latest: dict[int, int] = {}
    for event in events:
        if event.name == "effective_time_corrected":
            for ref in event.refs:
                if ref in by_seq:
                    latest[ref] = max(event.day, latest.get(ref, by_seq[ref].day))
    return latest


def _first_days(events: Sequence[Event], by_seq: dict[int, Event]) -> dict[str, int]:
    """Earliest day on which each subscription begins, in any version of its start."""
    first: dict[str, int] = {}
    for event in events:
        if event.starts is not None:
            first[event.starts] = min(event.day, first.get(event.starts, event.day))
        if event.name == "effective_time_corrected":
            for ref in event.refs:
                begun = by_seq[ref].starts if ref in by_seq else None
                if begun is not None:
                    first[begun] = min(event.day, first.get(begun, by_seq[ref].day))
    return first


def _once(events: Sequence[Event], faults: list[str]) -> list[Event]:
    kept: dict[str, Event] = {}
    for event in events:
        known = kept.get(event.id)
        if known is None or event.seq < known.seq:
            kept[event.id] = event
    by_seq: dict[int, Event] = {}
    for event in events:
        other = by_seq.setdefault(event.seq, event)
        if other is not event and other.id != event.id:
            faults.append(f"{event.path}.seq: {event.seq} is taken by {other.path}")
        elif other is not event and event.id.startswith("seq:") and not _alike(event, other):
            faults.append(
                f"{event.path}.seq: {event.seq} is taken by {other.path}, which tells something else"
            )
    return sorted(kept.values(), key=lambda event: event.seq)


def _alike(a: Event, b: Event) -> bool:
    return replace(a, index=0) == replace(b, index=0)


def _resolve(event: Event, events: list[Event], by_seq: dict[int, Event], faults: list[str]) -> Event:
    """Turn `refs` into a withdrawal or a correction of the facts they name."""
    if event.name in _WITHDRAWALS:
        refs = event.refs or _default_refs(event, events)
        if not refs:
            faults.append(f"{event.path}.refs: there is nothing to withdraw")
    elif event.name == "effective_time_corrected":
        refs = event.refs
    else:
        return event
    for ref in refs:
        if ref not in by_seq or ref == event.seq:
            faults.append(f"{event.path}.refs: {ref} is the seq of no other event")
            return event
    ids = tuple(by_seq[ref].id for ref in refs)
    told: list[tuple[str, f.Fact]] = []
    for name in dict.fromkeys(name for ref in refs for name in _subjects(by_seq[ref])):
        if event.name == "effective_time_corrected":
            told.extend(
                (
                    name,
                    f.TimeCorrected(
                        id=f"{event.id} of {ref}",
                        seq=event.seq,
                        day=event.day,
                        recorded=event.recorded,
                        at=event.at,
                        ref=ref,
                    ),
                )
                for ref in ids
            )
        else:
            told.append(
                (
                    name,
                    f.Withdrawn(id=event.id, seq=event.seq, day=event.day, recorded=event.recorded, refs=ids),
                )
            )
    return replace(event, facts=tuple(told), refs=refs)


def _subjects(event: Event) -> list[str]:
    """Subscriptions that an entry tells something of."""
    names = [name for name, _ in event.facts]
    return names or ([event.subscription] if event.subscription is not None else [])


def _default_refs(event: Event, events: list[Event]) -> tuple[int, ...]:
    """Without `refs` a withdrawal means the purchase (not one made instead of it), or the latest suspension known before it."""
    if event.name == "purchase_withdrawn":
        starts = [other.seq for other in events if other.starts == event.subscription]
        return tuple(seq for seq in starts if seq < event.seq) or tuple(starts)
    suspensions = [
        other.seq
        for other in events
        if other.name == "subscription_suspended"
        and other.subscription == event.subscription
        and other.seq < event.seq
    ]
    return tuple(suspensions[-1:])
