"""The services that own what the gateway shows: calls with the caller's own token, key and trace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from opentelemetry import propagate

from csp_runtime.http import Command
from csp_runtime.platform import Peers
from csp_runtime.problems import Problem, not_found
from csp_runtime.replays import HEADER, note_replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What travels with a forwarded call."""

    bearer: str
    correlation_id: str | None = None
    consistency_token: str | None = None


class Owners:
    """Calls to the owners' internal APIs. Raises the owner's own `Problem`s; `httpx.TransportError` in an outage."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def get(self, service: str, path: str, caller: Caller, **params: Any) -> Any:  # JSON
        """A read."""
        given = {name: value for name, value in params.items() if value is not None}
        answer = await self._peers.client(service).get(
            _internal(path), params=given, headers=_headers(caller)
        )
        return _read(answer)

    @asynccontextmanager
    async def stream(
        self, service: str, path: str, caller: Caller, **params: Any
    ) -> AsyncIterator[httpx.Response]:
        """A read whose body is passed on piece by piece, however long it is."""
        given = {name: value for name, value in params.items() if value is not None}
        async with self._peers.client(service).stream(
            "GET", _internal(path), params=given, headers=_headers(caller)
        ) as answer:
            if not answer.is_success:
                await answer.aread()
                _read(answer)
            yield answer

    async def ask(self, service: str, path: str, caller: Caller, body: Any) -> Any:  # JSON
        """A question that needs a body and changes nothing that anyone would miss."""
        answer = await self._peers.client(service).post(_internal(path), json=body, headers=_headers(caller))
        return _read(answer)

    async def put(self, service: str, path: str, caller: Caller, body: Any) -> Any:  # JSON
        """Set something whole; the same again changes nothing, so it needs no key."""
        answer = await self._peers.client(service).put(_internal(path), json=body, headers=_headers(caller))
        return _read(answer)

    async def redeem(self, service: str, path: str, **params: str) -> Any:  # JSON
        """A call whose parameters are the right to make it."""
        answer = await self._peers.client(service).post(_internal(path), params=params)
        return _read(answer)

    async def command(
        self,
        service: str,
        path: str,
        caller: Caller,
        command: Command,
        body: Any,
        *,
        expected: int | None = None,
    ) -> Any:  # JSON
        """A command with its key; the owner stores the key together with what it does."""
        headers = _headers(caller) | {"Idempotency-Key": command.key}
        if command.reason:
            headers["X-Reason"] = command.reason
        if command.ticket:
            headers["X-Ticket"] = command.ticket
        if expected is not None:
            headers["X-Expected-Version"] = str(expected)
        answer = await self._peers.client(service).post(_internal(path), json=body, headers=headers)
        _hand_on_replay(answer)
        return _read(answer)

    async def upload(
        self,
        service: str,
        path: str,
        caller: Caller,
        content: AsyncIterator[bytes],
        *,
        key: str,
        reason: str | None,
        ticket: str | None,
        **params: Any,
    ) -> httpx.Response:
        """A command whose body is a file, passed on as it comes; reading it may take the owner a minute."""
        headers = _headers(caller) | {"Idempotency-Key": key, "Content-Type": "application/octet-stream"}
        if reason:
            headers["X-Reason"] = reason
        if ticket:
            headers["X-Ticket"] = ticket
        given = {name: value for name, value in params.items() if value is not None}
        answer = await self._peers.client(service).post(
            _internal(path), content=content, params=given, headers=headers, timeout=_UPLOAD_SECONDS
        )
        _hand_on_replay(answer)
        if not answer.is_success:
            _read(answer)
        return answer


_UPLOAD_SECONDS = 300.0


def _internal(path: str) -> str:
    """The owner's path; ids come from callers, and must not lead anywhere else."""
    if "\0" in path or any(part in (".", "..") for part in path.split("/")):
        raise not_found("address")
    return "/internal/v1" + quote(path, safe="/-_~")


def _headers(caller: Caller) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {caller.bearer}"}
    if caller.correlation_id:
        headers["X-Correlation-Id"] = caller.correlation_id
    if caller.consistency_token:
        headers["Consistency-Token"] = caller.consistency_token
    propagate.inject(headers)
    return headers


def _hand_on_replay(answer: httpx.Response) -> None:
    if HEADER in answer.headers:
        note_replay()


def _read(answer: httpx.Response) -> Any:  # JSON
    if answer.is_success:
        return answer.json()
    try:
        document = answer.json()
    except ValueError:
        document = {}
    retry_after = answer.headers.get("Retry-After")
    problem = Problem.from_json(document, answer.status_code)
    if retry_after and retry_after.isdigit():
        problem.retry_after = float(retry_after)
    raise problem
