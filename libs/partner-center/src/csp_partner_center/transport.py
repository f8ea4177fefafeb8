"""Sends a call and waits for its answer: budget, token, repetitions, breaker. Everything else is built on `Transport.send`."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
from opentelemetry import trace

from csp_partner_center.answers import RequestIds
from csp_partner_center.breaker import Breaker
from csp_partner_center.budget import CallBudget, wait_for_turn
from csp_partner_center.calls import Base, Call
from csp_partner_center.errors import (
    BreakerOpen,
    NotConnected,
    OutcomeUnknown,
    PartnerCenterError,
    Throttled,
)
from csp_partner_center.exchange import Exchange, Reply
from csp_partner_center.retrying import RetryBudget, pause_before_repeating
from csp_partner_center.settings import PartnerCenterSettings
from csp_partner_center.tokens import TokenFor, Tokens
from csp_runtime.cancelling import end_if_asked
from csp_runtime.clock import Clock
from csp_runtime.logs import logger

log = logger(__name__)
tracer = trace.get_tracer("csp_partner_center")


@dataclass(slots=True)
class _Line:
    """What one process remembers of one reseller's calls."""

    breaker: Breaker
    retries: RetryBudget
    slots: asyncio.Semaphore
    is_mfa_compliant: bool | None = None


class Transport:
    """One per process; serves all resellers."""

    def __init__(
        self,
        *,
        settings: PartnerCenterSettings,
        http: httpx.AsyncClient,
        tokens: Tokens,
        budget: CallBudget,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._exchange = Exchange(settings, http, clock)
        self._tokens = tokens
        self._budget = budget
        self._clock = clock
        self._chance = random.SystemRandom()
        self._lines: dict[str, _Line] = defaultdict(
            lambda: _Line(
                breaker=Breaker(settings.breaker_failures, settings.breaker_pause),
                retries=RetryBudget(),
                slots=asyncio.Semaphore(settings.concurrency),
            )
        )

    def is_mfa_compliant(self, reseller_id: str) -> bool | None:
        """What Microsoft last said of this reseller's app+user tokens; None before the first such call."""
        return self._lines[reseller_id].is_mfa_compliant

    async def send(self, reseller_id: str, call: Call, ids: RequestIds) -> Reply:
        """The reply to a call that succeeded.

        A call that was definitely not done is repeated, one with an unknown outcome only if it says so; always with the
        same id and bytes (PC 2.7). Raises `PartnerCenterError`; which of its three branches tells what may be concluded.
        """
        with tracer.start_as_current_span(
            f"microsoft {call.operation}",
            attributes={
                "csp.reseller.id": reseller_id,
                "csp.microsoft.request_id": str(ids.request_id),
                "csp.microsoft.correlation_id": str(ids.correlation_id),
            },
            record_exception=False,
        ) as span:
            try:
                reply = await self._send(reseller_id, call, ids)
            except PartnerCenterError as fault:
                span.set_attribute("error.type", fault.code)
                raise
            span.set_attribute("http.response.status_code", reply.answer.status)
            return reply

    def download(self, operation: str, url: str) -> AsyncIterator[bytes]:
        """As `Exchange.download`."""
        return self._exchange.download(operation, url)

    async def _send(self, reseller_id: str, call: Call, ids: RequestIds) -> Reply:
        line = self._lines[reseller_id]
        ends_at = self._clock.monotonic() + (call.deadline or self._settings.deadline)
        has_renewed = False
        attempt = 0
        while True:
            end_if_asked()
            attempt += 1
            try:
                reply = await self._attempt(reseller_id, line, call, ids, ends_at)
            except _TokenRefused as refused:
                # PC 1.3 and architecture: an answer of 401 is answered once with a fresh token.
                if has_renewed:
                    raise refused.error from None
                has_renewed = True
                continue
            except PartnerCenterError as fault:
                pause = pause_before_repeating(
                    call,
                    fault,
                    attempt,
                    chance=self._chance.random(),
                    budget=line.retries,
                    settings=self._settings,
                )
                if pause is None or self._clock.monotonic() + pause >= ends_at:
                    raise
                log.info(
                    "microsoft.repeating",
                    operation=call.operation,
                    code=fault.code,
                    attempt=attempt,
                    pause=pause,
                )
            else:
                line.retries.earned()
                return reply
            await self._clock.sleep(pause)

    async def _attempt(
        self, reseller_id: str, line: _Line, call: Call, ids: RequestIds, ends_at: float
    ) -> Reply:
        waits = line.breaker.wait(self._clock.monotonic())
        if waits > 0:
            raise BreakerOpen(
                call.operation, "Microsoft keeps failing; calls are held back", retry_after=waits
            )
        async with line.slots:
            remaining = ends_at - self._clock.monotonic()
            if not await wait_for_turn(self._budget, reseller_id, _api_group(call), remaining, self._clock):
                raise Throttled(
                    call.operation, "no call of the budget is free before the deadline", retry_after=1.0
                )
            purpose = TokenFor(
                reseller_id=reseller_id,
                is_graph=call.base is Base.GRAPH,
                access=call.access,
                tenant=call.tenant,
            )
            token = await self._tokens.token(purpose)
            sent_at = self._clock.monotonic()
            try:
                reply = await self._exchange.ask(call, ids, token, ends_at)
            except OutcomeUnknown:
                line.breaker.failed(self._clock.monotonic())
                raise
            except NotConnected:
                line.breaker.failed(self._clock.monotonic())
                raise
            except Throttled as fault:
                line.breaker.succeeded()
                age = self._clock.monotonic() - sent_at
                await self._budget.throttled(
                    reseller_id, _api_group(call), retry_after=fault.retry_after or 1.0, age=age
                )
                raise
            except PartnerCenterError as fault:
                line.breaker.succeeded()
                if fault.upstream is not None and fault.upstream.status in _token_refusals(call):
                    self._tokens.forget(purpose, token)
                    raise _TokenRefused(fault) from None
                raise
        line.breaker.succeeded()
        if reply.answer.is_mfa_compliant is not None:
            line.is_mfa_compliant = reply.answer.is_mfa_compliant
        return reply


class _TokenRefused(Exception):
    """Inside this module only: 401, and the token was dropped."""

    def __init__(self, error: PartnerCenterError) -> None:
        super().__init__()
        self.error = error


def _token_refusals(call: Call) -> tuple[int, ...]:
    """The pricing host answers 400 for a wrong or expired token (PC 11.1); once with a fresh one does no harm."""
    return (400, 401) if call.base is Base.PRICING else (401,)


def _api_group(call: Call) -> str:
    # PC 2.9: Partner Center counts per partner tenant; Graph and the pricing host count for themselves.
    match call.base:
        case Base.GRAPH:
            return f"graph/{call.tenant}" if call.tenant else "graph"
        case Base.PRICING:
            return "pricing"
        case _:
            return "partner-center"
