"""Sends a call and waits for its answer: budget, token, headers, repetitions, breaker, errors. Everything else is built on
`Transport.send`."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
from opentelemetry import trace

from csp_partner_center.answers import Answer, RequestIds, read_date_header, read_retry_after
from csp_partner_center.breaker import Breaker
from csp_partner_center.budget import CallBudget, wait_for_turn
from csp_partner_center.calls import Base, Call
from csp_partner_center.errors import (
    BreakerOpen,
    NoAnswer,
    NotConnected,
    NotDone,
    OutcomeUnknown,
    PartnerCenterError,
    ServiceFailed,
    Throttled,
    UnreadableAnswer,
    error_of,
)
from csp_partner_center.reading import UnreadableField, decode, read
from csp_partner_center.refusals import refusal_of
from csp_partner_center.retrying import RetryBudget, backoff
from csp_partner_center.secrets import Secret
from csp_partner_center.settings import PartnerCenterSettings
from csp_partner_center.tokens import TokenFor, Tokens
from csp_runtime.clock import Clock
from csp_runtime.logs import logger

T = TypeVar("T")

log = logger(__name__)
tracer = trace.get_tracer("csp_partner_center")

# The request did not leave this machine: nothing can have been done.
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(slots=True)
class _Line:
    """What one process remembers of one reseller's calls."""

    breaker: Breaker
    retries: RetryBudget
    slots: asyncio.Semaphore
    is_mfa_compliant: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A success, unread."""

    answer: Answer[None]
    body: bytes = field(repr=False)
    json: Any = field(
        repr=False
    )  # Any: JSON of any shape; None for an empty body and for what was not asked as JSON
    headers: httpx.Headers = field(repr=False)


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
        self._http = http
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

    async def download(self, operation: str, url: str) -> AsyncIterator[bytes]:
        """A blob behind a signed link, in pieces, without a token of ours (PC 10.9). The link is never shown.

        Raises `NotConnected`, `NoAnswer`, `Refused`; a broken stream is fetched again as a whole by the caller.
        """
        if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise NotConnected(operation, "the link is not https")
        error: PartnerCenterError
        try:
            async with self._http.stream("GET", url, timeout=self._settings.read_timeout) as response:
                if response.status_code >= 300:
                    raise error_of(operation, refusal_of(response.status_code, b""))
                async for piece in response.aiter_bytes():
                    yield piece
                return
        except _NEVER_LEFT as fault:
            error = NotConnected(operation, f"no connection ({type(fault).__name__})")
        except (httpx.HTTPError, httpx.StreamError) as fault:
            error = NoAnswer(operation, f"no answer ({type(fault).__name__})")
        raise error

    async def _send(self, reseller_id: str, call: Call, ids: RequestIds) -> Reply:
        line = self._lines[reseller_id]
        ends_at = self._clock.monotonic() + (call.deadline or self._settings.deadline)
        has_renewed = False
        attempt = 0
        while True:
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
                pause = self._pause_before_repeating(line, call, fault, attempt, ends_at)
                if pause is None:
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
                reply = await self._exchange(call, ids, token, ends_at)
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

    async def _exchange(self, call: Call, ids: RequestIds, token: Secret, ends_at: float) -> Reply:
        request_id, correlation_id = str(ids.request_id), str(ids.correlation_id)
        error: PartnerCenterError
        try:
            remaining = max(0.001, ends_at - self._clock.monotonic())
            async with asyncio.timeout(remaining):
                response = await self._http.request(
                    call.method,
                    self._url(call),
                    params=list(call.query) or None,
                    content=call.body,
                    headers=self._headers(call, ids, token),
                )
        except _NEVER_LEFT as fault:
            error = NotConnected(
                call.operation,
                f"no connection ({type(fault).__name__})",
                request_id=request_id,
                correlation_id=correlation_id,
            )
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as fault:
            error = NoAnswer(
                call.operation,
                f"no answer ({type(fault).__name__})",
                request_id=request_id,
                correlation_id=correlation_id,
            )
        else:
            return self._judged(call, response, request_id, correlation_id)
        # Outside of `except`: httpx's exceptions carry the request with its token.
        raise error

    def _judged(self, call: Call, response: httpx.Response, request_id: str, correlation_id: str) -> Reply:
        headers = response.headers
        retry_after = read_retry_after(headers.get("Retry-After"), self._clock.now())
        if not 200 <= response.status_code < 300:
            raise error_of(
                call.operation,
                refusal_of(response.status_code, response.content),
                request_id=request_id,
                correlation_id=correlation_id,
                retry_after=retry_after,
            )
        try:
            json = decode(response.content) if call.accept == "application/json" else None
        except UnreadableField as fault:
            raise UnreadableAnswer(
                call.operation,
                f"unreadable answer: {fault}",
                request_id=request_id,
                correlation_id=correlation_id,
            ) from None
        compliant = headers.get("isMfaCompliant")
        return Reply(
            answer=Answer(
                value=None,
                status=response.status_code,
                answered_at=read_date_header(headers.get("Date")),
                request_id=headers.get("MS-RequestId", request_id),
                correlation_id=headers.get("MS-CorrelationId", correlation_id),
                location=headers.get("Location"),
                retry_after=retry_after,
                is_mfa_compliant=None if compliant is None else compliant.strip().lower() == "true",
            ),
            body=response.content,
            json=json,
            headers=headers,
        )

    def _pause_before_repeating(
        self, line: _Line, call: Call, fault: PartnerCenterError, attempt: int, ends_at: float
    ) -> float | None:
        if not _may_repeat(call, fault):
            return None
        settings = self._settings
        if not isinstance(fault, Throttled) and (attempt > settings.retries or not line.retries.spend()):
            return None
        pause = backoff(
            attempt, self._chance.random(), first=settings.first_backoff, longest=settings.longest_backoff
        )
        if isinstance(fault, Throttled):
            # PC 2.9: wait exactly as long as asked, after the second 429 longer.
            pause = (fault.retry_after or 1.0) + (pause if attempt > 1 else 0.0)
        elif fault.retry_after is not None:
            pause = max(pause, fault.retry_after)
        return pause if self._clock.monotonic() + pause < ends_at else None

    def _url(self, call: Call) -> str:
        cloud, version = self._settings.cloud, self._settings.api_version
        match call.base:
            case Base.PARTNER_CENTER:
                return f"{cloud.api_root}/{version}{call.path}"
            case Base.WEBHOOKS:
                return f"{cloud.api_root}/webhooks/{version}{call.path}"
            case Base.AUDIT_ACTIVITY:
                return f"{cloud.api_root}/auditactivity/{version}{call.path}"
            case Base.PRICING:
                return f"{cloud.pricing_root}{call.path}"
            case Base.GRAPH:
                return f"{cloud.graph_root}{call.path}"

    def _headers(self, call: Call, ids: RequestIds, token: Secret) -> list[tuple[str, str]]:
        found = [("Authorization", f"Bearer {token.reveal()}"), ("Accept", call.accept)]
        if call.base is Base.GRAPH:
            found.append(("client-request-id", str(ids.request_id)))
        else:
            found += [
                ("MS-Contract-Version", self._settings.api_version),
                ("MS-RequestId", str(ids.request_id)),
                ("MS-CorrelationId", str(ids.correlation_id)),
                ("MS-PartnerCenter-Application", self._settings.application_name),
                ("X-Locale", self._settings.locale),
            ]
            if self._settings.asks_for_mfa_status and call.access.value == "app-user":
                found.append(("ValidateMfa", "true"))
        if call.body is not None:
            found.append(("Content-Type", "application/json"))
        return [*found, *call.headers]


class _TokenRefused(Exception):
    """Inside this module only: 401, and the token was dropped."""

    def __init__(self, error: PartnerCenterError) -> None:
        super().__init__()
        self.error = error


def _may_repeat(call: Call, fault: PartnerCenterError) -> bool:
    match fault:
        case BreakerOpen():
            return False
        case Throttled() | NotConnected():
            return True
        case NoAnswer() | ServiceFailed() | UnreadableAnswer():
            return call.is_repeatable or call.method in ("GET", "HEAD")
        case NotDone():
            return False
        case _:
            return False


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


class Session:
    """One reseller's way to Microsoft: what every resource of this package is made of."""

    def __init__(self, transport: Transport, reseller_id: str, correlation_id: UUID | None = None) -> None:
        self._transport = transport
        self.reseller_id = reseller_id
        self.correlation_id = correlation_id

    async def send(self, call: Call, ids: RequestIds | None = None) -> Reply:
        """Raises `PartnerCenterError`."""
        return await self._transport.send(self.reseller_id, call, ids or self._ids())

    async def ask(self, kind: type[T], call: Call, ids: RequestIds | None = None) -> Answer[T]:
        """Send, and read the body as a `kind`.

        Raises `PartnerCenterError`; `UnreadableAnswer` for a success whose body is not one (read again, if it was a read).
        """
        reply = await self.send(call, ids)
        return with_value(reply.answer, self.read(kind, call, reply))

    def download(self, operation: str, url: str) -> AsyncIterator[bytes]:
        """A blob behind a signed link, in pieces."""
        return self._transport.download(operation, url)

    def read(self, kind: type[T], call: Call, reply: Reply) -> T:
        """The body of a reply.

        Raises `UnreadableAnswer`.
        """
        return self.understood(call, reply, partial(read, kind))

    def understood(self, call: Call, reply: Reply, reader: Callable[[Any], T]) -> T:  # Any: decoded JSON
        """The body of a reply through a reader of decoded JSON.

        Raises `UnreadableAnswer`.
        """
        try:
            return reader(reply.json)
        except UnreadableField as fault:
            reason = f"unreadable answer: {fault}"
        raise UnreadableAnswer(
            call.operation,
            reason,
            request_id=reply.answer.request_id,
            correlation_id=reply.answer.correlation_id,
        )

    def _ids(self) -> RequestIds:
        return RequestIds(request_id=uuid4(), correlation_id=self.correlation_id or uuid4())


def with_value(answer: Answer[Any], value: T) -> Answer[T]:
    """The same circumstances with another value."""
    return Answer(
        value=value,
        status=answer.status,
        answered_at=answer.answered_at,
        request_id=answer.request_id,
        correlation_id=answer.correlation_id,
        location=answer.location,
        retry_after=answer.retry_after,
        is_mfa_compliant=answer.is_mfa_compliant,
    )
