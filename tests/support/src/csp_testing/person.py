"""Somebody at a surface of a running platform; an answer that was not expected fails the test with its text."""

import uuid
from typing import Any, Self

import httpx

from csp_testing.running import Running


class Person:
    """`arguments` are those of `csp token`: who it is."""

    def __init__(self, running: Running, surface: str, *arguments: str) -> None:
        token = running.csp("token", *arguments).stdout.strip()
        self.http = httpx.Client(
            base_url=running.gateway + surface, headers={"Authorization": f"Bearer {token}"}, timeout=60.0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The document of an answer of success."""
        answer = self.http.get(path, params=params)
        assert answer.is_success, answer.text
        return answer.json()

    def post(
        self, path: str, body: Any = None, status: int = 200, *, key: str | None = None, **headers: str
    ) -> Any:
        """The document of an answer of this status; a key of its own for each call, unless one is given."""
        usual = {"Idempotency-Key": key or uuid.uuid4().hex, "If-Match": "*"}
        answer = self.http.post(path, json={} if body is None else body, headers=usual | headers)
        assert answer.status_code == status, answer.text
        return answer.json()
