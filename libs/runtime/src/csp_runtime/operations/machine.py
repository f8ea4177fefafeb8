"""Carries operations out, one call at a time, so that a restart at any point neither loses nor repeats an effect.

Submitted is written before the call, Progressed or Succeeded after its answer. Whoever finds Submitted without an answer
reads back first; only when nothing shows (for a creation: after the list delay) the very same request goes out again.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from os import getpid
from typing import Any

from csp_contracts.operations_v1 import (
    OperationRejected,
    OperationSubmitted,
)
from csp_runtime.clock import Clock
from csp_runtime.crash_points import crash_point
from csp_runtime.database import Database
from csp_runtime.errors import VersionConflict
from csp_runtime.logs import logger
from csp_runtime.operations.beginning import CHANNEL
from csp_runtime.operations.claims import Claimed, Claims, back_off, closed
from csp_runtime.operations.journal import Journal, request_id_of
from csp_runtime.operations.life import Operation, fold
from csp_runtime.operations.steps import (
    Answered,
    Busy,
    OutcomeUnknown,
    Plan,
    Refused,
    Stale,
    Step,
)
from csp_runtime.problems import Problem
from csp_runtime.rounds import for_ever
from csp_runtime.secret_box import SecretBox
from csp_runtime.store import Also, EventStore
from csp_runtime.telemetry import OPERATION, OPERATION_KIND, RESELLER, SUBJECT, TRACER, extracted
from csp_runtime.wakeups import Wakeups, wait_for_wakeup

log = logger(__name__)

POLL_SECONDS = 1.0
DECISIONS = 3


class OperationMachine:
    """The worker of one service; several processes may run it, a claim is one's own."""

    def __init__(
        self,
        *,
        store: EventStore,
        database: Database,
        box: SecretBox,
        clock: Clock,
        wakeups: Wakeups,
        plans: Sequence[Plan],
        list_delay: timedelta = timedelta(minutes=15),
        patience: timedelta = timedelta(hours=72),
        at_once: int = 8,
    ) -> None:
        self._store = store
        self._journal = Journal(store, box, clock)
        self._clock = clock
        self._wakeups = wakeups
        self._plans: Mapping[str, Plan] = {plan.kind: plan for plan in plans}
        self._list_delay = list_delay
        self._patience = patience
        self._at_once = at_once
        self._claims = Claims(database, box, f"{socket.gethostname()}:{getpid()}:{id(self)}")

    async def run(self) -> None:
        """Carry out operations for ever."""
        running: set[asyncio.Task[None]] = set()
        try:
            with self._wakeups.on(CHANNEL) as event:
                await for_ever(
                    lambda: self._begin_due(running, event), lambda: wait_for_wakeup(event, POLL_SECONDS)
                )
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def step(self) -> bool:
        """Carry out once what is due now, and return when each of it is done or given back; whether there was any."""
        running: set[asyncio.Task[None]] = set()
        found = await self._begin_due(running, asyncio.Event())
        await asyncio.gather(*running)
        return found

    async def _begin_due(self, running: set[asyncio.Task[None]], event: asyncio.Event) -> bool:
        claimed = await self._claims.claim(self._at_once - len(running))
        for one in claimed:
            task = asyncio.create_task(self._carry_out(one), name=f"operation {one.operation_id}")
            running.add(task)
            task.add_done_callback(running.discard)
            task.add_done_callback(lambda _: event.set())
        return bool(claimed)

    async def _carry_out(self, claimed: Claimed) -> None:
        try:
            operation = fold(await self._store.load(claimed.operation_id))
            if operation is None or operation.is_settled:
                await self._claims.forget(claimed.operation_id)
                return
            with TRACER.start_as_current_span(
                f"operation {operation.kind}",
                context=extracted(operation.meta.trace),
                attributes={
                    OPERATION: operation.id,
                    OPERATION_KIND: operation.kind,
                    RESELLER: operation.meta.reseller,
                    **({} if operation.subject is None else {SUBJECT: operation.subject}),
                },
            ):
                await self._run_steps(operation, claimed)
        except Exception as fault:
            log.exception(
                "operation.interrupted", operation=claimed.operation_id, reason=type(fault).__name__
            )
            await self._claims.postpone(claimed, back_off(claimed))

    async def _run_steps(self, operation: Operation, claimed: Claimed) -> None:
        plan = self._plans.get(operation.kind)
        if plan is None:
            await self._reject(operation, Refused("not-built", f"{operation.kind} is not known here"), None)
            return
        answered = Answered()
        for step in plan.steps:
            if step.name in operation.done_steps:
                continue
            is_last = step is plan.steps[-1]
            try:
                operation, answered = await self._run_step(operation, step, claimed)
                if not is_last:
                    operation = await self._journal.progress(operation, step, answered)
                    claimed = replace(claimed, attempt=1)
            except Refused as refusal:
                await self._reject(operation, refusal, plan)
                return
            except Problem as problem:
                await self._reject(operation, _as_refusal(problem), plan)
                return
            except Busy as busy:
                log.info("operation.busy", operation=operation.id, step=step.name, because=busy.because)
                operation = fold(await self._store.load(operation.id)) or operation
                if await self._gives_up(operation, plan, busy):
                    return
                wait = back_off(claimed) if busy.retry_after is None else busy.retry_after
                if busy.is_answer:
                    operation = await self._ask_anew(operation, step, busy.because)
                await self._journal.tell_of_waiting(operation, step, claimed, busy, wait)
                may_repeat = busy.surely_not_done and not (busy.is_answer and step.creates)
                await self._claims.postpone(claimed, wait, may_repeat=may_repeat)
                return
            except OutcomeUnknown as unknown:
                current = fold(await self._store.load(operation.id)) or operation
                if self._has_waited_too_long(current):
                    _raise_alarm(current, unknown.because)
                wait = back_off(claimed)
                await self._journal.mark_uncertain(current, step, unknown, wait)
                await self._claims.postpone(claimed, wait)
                return
        await self._succeed(operation, plan, plan.steps[-1].name if plan.steps else "", answered)

    async def _run_step(
        self, operation: Operation, step: Step, claimed: Claimed
    ) -> tuple[Operation, Answered]:
        for _ in range(DECISIONS):
            try:
                return await self._try_step(operation, step, claimed)
            except Stale:
                await self._claims.drop_submitted(operation.id, step.name)
                operation = fold(await self._store.load(operation.id)) or operation
                operation = replace(operation, submitted=None)
        raise Busy("the resource keeps changing upstream")

    async def _try_step(
        self, operation: Operation, step: Step, claimed: Claimed
    ) -> tuple[Operation, Answered]:
        lost = operation.submitted
        if lost is not None and lost.step == step.name:
            body = await self._claims.submitted_body(operation.id, step.name, lost.attempt)
            if body is not None:
                return await self._reconcile(operation, step, lost, body, look_first=not claimed.may_repeat)
        self._refuse_if_late(operation)
        payload = self._claims.payload(claimed)
        body = await step.prepare(operation, payload)
        attempt = operation.last_attempts.get(step.name, 0) + 1
        request_id = str(request_id_of(operation.id, step.name, attempt))
        operation = await self._journal.submit(operation, step, attempt, request_id, body)
        crash_point("operation.submitted")
        answered = await step.send(operation, body, request_id)
        crash_point("operation.answered")
        return operation, answered

    def _refuse_if_late(self, operation: Operation) -> None:
        if operation.deadline_at is not None and self._clock.now() >= operation.deadline_at:
            raise Refused(
                "deadline-passed", "What was asked for is not allowed any more", **_deadline(operation)
            )

    async def _gives_up(self, operation: Operation, plan: Plan, busy: Busy) -> bool:
        """Reject what waited beyond our patience, if surely nothing of it was done; else an alarm, and it goes on."""
        if operation.is_settled or not self._has_waited_too_long(operation):
            return operation.is_settled
        effects = {step.name for step in plan.steps if step.binds} & set(operation.done_steps)
        if effects or operation.is_uncertain or not busy.surely_not_done:
            _raise_alarm(operation, busy.because)
            return False
        hours = int(self._waited(operation).total_seconds() // 3600)
        refusal = Refused(
            "upstream-busy",
            "Microsoft did not take the command in time; nothing was done",
            because=busy.because,
            waited_hours=hours,
        )
        await self._reject(operation, refusal, plan)
        return True

    def _waited(self, operation: Operation) -> timedelta:
        now = self._clock.now()
        return now - (operation.step_since or now)

    def _has_waited_too_long(self, operation: Operation) -> bool:
        return self._waited(operation) >= self._patience

    async def _reconcile(
        self,
        operation: Operation,
        step: Step,
        lost: OperationSubmitted,
        body: bytes,
        *,
        look_first: bool,
    ) -> tuple[Operation, Answered]:
        """No answer is known of this call: look first, repeat the very same request only where nothing shows."""
        if look_first:
            found = await _look(step, operation, body)
            if found is not None:
                return operation, found
            if step.creates and operation.submitted_at is not None:
                waited = self._clock.now() - operation.submitted_at
                if waited < self._list_delay:
                    raise Busy("the list may not show it yet", retry_after=1.0, surely_not_done=False)
        elif not operation.is_uncertain:
            self._refuse_if_late(operation)
        try:
            return operation, await step.send(operation, body, lost.request_id)
        except (Refused, Stale):
            # The repetition is refused; of the lost call that says nothing: a name may be taken, a cart be empty by it.
            if not step.creates or not (look_first or operation.is_uncertain):
                raise
            found = await _look(step, operation, body)
            if found is None:
                raise
            return operation, found

    async def _ask_anew(self, operation: Operation, step: Step, because: str) -> Operation:
        """Microsoft would answer the same id the same again: the next try has another (PC 2.7).

        It is prepared from a fresh reading. What creates keeps its body instead, because by that its traces are looked for
        before it is sent; that an earlier answer is lost stays known.
        """
        if not step.creates:
            await self._claims.drop_submitted(operation.id, step.name)
            return operation
        last = operation.submitted
        if last is None or last.step != step.name:
            return operation
        body = await self._claims.submitted_body(operation.id, step.name, last.attempt)
        if body is None:
            return operation
        attempt = last.attempt + 1
        request_id = str(request_id_of(operation.id, step.name, attempt))
        lost_because = because if operation.is_uncertain else None
        return await self._journal.submit(
            operation, step, attempt, request_id, body, lost_because=lost_because
        )

    async def _succeed(self, operation: Operation, plan: Plan, last_step: str, answered: Answered) -> None:
        operation = replace(operation, refs=operation.refs | answered.refs)
        for decision in range(1, DECISIONS + 1):
            facts = await plan.facts(operation, answered)
            try:
                await self._journal.succeed(operation, facts, answered, last_step)
                return
            except VersionConflict:
                if decision == DECISIONS:
                    raise
                fresh = fold(await self._store.load(operation.id))
                if fresh is None or fresh.is_settled:
                    return
                operation = replace(fresh, refs=fresh.refs | answered.refs)

    async def _reject(self, operation: Operation, refusal: Refused, plan: Plan | None) -> None:
        extra: Sequence[Also] = ()
        if plan is not None and plan.on_rejected is not None:
            extra = await plan.on_rejected(operation)
        event = OperationRejected(
            operation_id=operation.id,
            code=refusal.code,
            title=refusal.title,
            problem={"code": refusal.code, "title": refusal.title, **refusal.problem},
        )
        fresh = fold(await self._store.load(operation.id)) or operation
        if not fresh.is_settled:
            await self._journal.append(fresh, event, also=[closed(operation.id), *extra])


async def _look(step: Step, operation: Operation, body: bytes) -> Answered | None:
    try:
        return await step.read_back(operation, body)
    except Busy as busy:
        # The look was surely not done; of the call it was to look for nothing is known yet.
        raise Busy(busy.because, busy.retry_after, surely_not_done=False) from None


def _raise_alarm(operation: Operation, because: str) -> None:
    log.error("operation.overdue", operation=operation.id, kind=operation.kind, because=because)


def _deadline(operation: Operation) -> dict[str, Any]:
    return {"deadline_at": operation.deadline_at.isoformat()} if operation.deadline_at is not None else {}


def _as_refusal(problem: Problem) -> Refused:
    document = problem.as_json()
    return Refused(
        problem.code,
        problem.title,
        detail=problem.detail,
        invalid_parameters=document["invalid_parameters"],
        **problem.extra,
    )
