"""Commands that need no Microsoft: decided, saved with their key, answered at once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from csp_contracts.envelope import Meta, Origin, Recorded
from csp_runtime.errors import KeyAlreadyUsed, KeyReused, VersionConflict
from csp_runtime.http import Command
from csp_runtime.replays import note_replay
from csp_runtime.scope import Role, Scope
from csp_runtime.store import Also, CommandKey, EventStore
from csp_runtime.telemetry import trace_carrier

DECISIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a command comes to: events, private rows, and the answer that a repetition gets as well."""

    events: Sequence[Recorded[Any]]
    answer: dict[str, Any]
    also: Sequence[Also] = field(default=())


def key_of(command: Command, now: datetime, answer: dict[str, Any] | None = None) -> CommandKey:
    """A command's idempotency key, with what a repetition is answered."""
    return CommandKey(
        caller=command.caller, key=command.key, request_digest=command.digest, answer=answer or {}, at=now
    )


async def carry_out(
    store: EventStore,
    command: Command,
    now: datetime,
    decide: Callable[[], Awaitable[Decision]],
) -> dict[str, Any]:
    """Decide and save; decide again where the stream moved on; a repetition is told the first answer.

    Raises `KeyReused` for the key with another body, `VersionConflict` after three decisions, and what `decide` raises.
    """
    try:
        await store.check_key(key_of(command, now))
        for attempt in range(1, DECISIONS + 1):
            decision = await decide()
            kept = key_of(command, now, decision.answer)
            try:
                await store.save(decision.events, key=kept, also=decision.also)
            except VersionConflict:
                if attempt == DECISIONS:
                    raise
                continue
            return decision.answer
    except KeyReused:
        raise
    except KeyAlreadyUsed as replay:
        note_replay()
        return replay.answer
    raise AssertionError("unreachable")


def command_meta(
    scope: Scope,
    command: Command,
    now: datetime,
    *,
    partition_key: str,
    customer: str | None = None,
    tenant: str | None = None,
) -> Meta:
    """The meta of what a caller's command writes."""
    origin = Origin.PORTAL if scope.is_customer else Origin.API
    return Meta(
        reseller=scope.reseller,
        customer=customer,
        tenant=tenant,
        partition_key=partition_key,
        effective_at=now,
        recorded_at=now,
        origin=Origin.SYSTEM if Role.SERVICE in scope.roles else origin,
        actor=scope.actor,
        on_behalf_of=scope.on_behalf_of,
        reason=command.reason,
        ticket=command.ticket,
        correlation_id=command.correlation_id,
        causation_id=command.key,
        trace=trace_carrier(),
    )
