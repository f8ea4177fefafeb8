"""One request and its answer on the wire: address, headers, and what an answer or its absence means. Nothing is repeated here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from csp_partner_center.answers import Answer, RequestIds, read_date_header, read_retry_after
from csp_partner_center.calls import Base, Call
from csp_partner_center.errors import (
    NoAnswer,
    NotConnected,
    PartnerCenterError,
    UnreadableAnswer,
    error_of,
)
from csp_partner_center.reading import UnreadableField, decode
from csp_partner_center.refusals import refusal_of
from csp_partner_center.secrets import Secret
from csp_partner_center.settings import PartnerCenterSettings
from csp_runtime.clock import Clock

# The request did not leave this machine: nothing can have been done.
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A success, unread."""

    answer: Answer[None]
    body: bytes = field(repr=False)
    json: Any = field(
        repr=False
    )  # Any: JSON of any shape; None for an empty body and for what was not asked as JSON
    headers: httpx.Headers = field(repr=False)


class Exchange:
    """The wire."""

    def __init__(self, settings: PartnerCenterSettings, http: httpx.AsyncClient, clock: Clock) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock

    async def ask(self, call: Call, ids: RequestIds, token: Secret, ends_at: float) -> Reply:
        """Send once, and wait for the answer until `ends_at` (of the monotonic clock). Raises `PartnerCenterError`."""
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
