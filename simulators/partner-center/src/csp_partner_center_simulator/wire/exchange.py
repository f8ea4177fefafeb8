"""A request read from the ASGI server, an answer sent to it: headers, encoding, compression."""

import asyncio
import base64
import gzip
import secrets
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer, encode
from csp_partner_center_simulator.wire.faults import Fault
from csp_partner_center_simulator.wire.of_2020 import readable
from csp_partner_center_simulator.wire.refusals import PRICING
from csp_partner_center_simulator.wire.request import Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LOCALE = "en-US"
SERVER_ID = "101112616"
APP_ID = "cid-v1:03ce8ca8-8373-4021-8f25-d5dd45c7b12f"
LARGEST_BODY = 4_000_000
# Microsoft's own body forms: the switches of 14.4 do not touch them.
PLAIN = ("graph.", "auth.", "webhooks.", "pricesheets.", "offermatrix.", "fxrates.")


class Answers:
    """Sends answers as Microsoft's services do."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def send(
        self,
        request: Request,
        operation: str,
        answer: Answer,
        correlation_id: str,
        fault: Fault | None,
        send: Send,
    ) -> None:
        """Send an answer; a `truncated` fault cuts its body in half."""
        content = self._content(operation, answer)
        headers = self._headers(request, operation, answer, correlation_id)
        if content:
            headers["Content-Type"] = answer.content_type
            if (
                len(content) > 2048
                and "gzip" in request.headers.get("accept-encoding", "")
                and "Content-Encoding" not in headers
            ):
                content = (
                    await asyncio.to_thread(gzip.compress, content, 1)
                    if len(content) > 200_000
                    else gzip.compress(content, 1)
                )
                headers["Content-Encoding"] = "gzip"
        if fault is not None and fault.kind == "truncated":
            headers.pop("Content-Encoding", None)
            plain = self._content(operation, answer)
            content = plain[: max(1, len(plain) // 2)]
        if request.method == "HEAD":
            content = b""
        if answer.status != 204:
            headers["Content-Length"] = str(len(content))
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    (name.encode("latin-1"), value.encode("latin-1", "replace"))
                    for name, value in headers.items()
                ],
            }
        )
        await send({"type": "http.response.body", "body": content if answer.status != 204 else b""})

    def _content(self, operation: str, answer: Answer) -> bytes:
        if answer.body is None:
            # Clients of 2020 cast an empty 2xx body and break (PC 15.4).
            closed = self._world.profile.closed_enums and 200 <= answer.status < 300 and answer.status != 204
            return b"{}" if closed and not operation.startswith(("domains.", *PLAIN)) else b""
        if isinstance(answer.body, bytes):
            return answer.body
        profile = self._world.profile
        if operation.startswith(PLAIN):
            return encode(answer.body, nulls=answer.nulls)
        body = readable(answer.body) if profile.closed_enums else answer.body
        return encode(body, casing=profile.casing, byte_order_mark=profile.byte_order_mark)

    def _headers(
        self, request: Request, operation: str, answer: Answer, correlation_id: str
    ) -> dict[str, str]:
        request_id = request.headers.get("ms-requestid") or str(uuid.uuid4())
        headers = {"Date": self._world.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if operation.startswith(("graph.", *PRICING)):
            told = _inner_error(answer)  # a refusal names the same ids in its body (PC 13.4)
            headers |= {
                "request-id": told.get("request-id") or str(uuid.uuid4()),
                "client-request-id": told.get("client-request-id")
                or request.headers.get("client-request-id")
                or str(uuid.uuid4()),
            }
        elif not operation.startswith("auth."):
            headers |= {
                "MS-RequestId": request_id,
                "MS-CorrelationId": correlation_id,
                "MS-CV": f"{base64.b64encode(secrets.token_bytes(12)).decode()}.0",
                "MS-ServerId": SERVER_ID,
                "Request-Context": f"appId={APP_ID}",
            }
            if "mfa" in request.notes and request.headers.get("validatemfa", "").lower() == "true":
                headers["isMfaCompliant"] = request.notes["mfa"]  # refusals tell it too (PC 1.2)
            headers["X-Locale"] = request.headers.get("x-locale", LOCALE)
        return headers | answer.headers


def _inner_error(answer: Answer) -> dict[str, str]:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    inner = error.get("innerError") if isinstance(error, dict) else None
    return inner if isinstance(inner, dict) else {}


async def read(scope: Scope, receive: Receive) -> Request:
    """Read a whole request; a body past the limit is cut there."""
    content = bytearray()
    while True:
        message = await receive()
        content += message.get("body", b"")
        if len(content) > LARGEST_BODY or not message.get("more_body"):
            break
    path = scope.get("path", "/")
    return Request(
        method=scope["method"],
        path=path,
        raw_query=scope.get("query_string", b"").decode("latin-1"),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        content=bytes(content),
    )


def break_off(send: Send) -> None:
    """Close the connection without an answer."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)  # uvicorn's request cycle has it
    if transport is not None:
        transport.abort()
        return
    raise httpx.ReadError("the simulator closed the connection without an answer")
