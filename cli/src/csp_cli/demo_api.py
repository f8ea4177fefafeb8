"""The demo's view of the platform: the public REST API, the simulator's control API, and patience with a limit."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import httpx
from rich.console import Console

from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.scope import Role

T = TypeVar("T")


class DemoFailed(Exception):
    """The platform did not do what the story says."""

    code = "demo-failed"


class Person:
    """Somebody with a token, on one of the two surfaces; remembers the consistency token between calls."""

    def __init__(self, base: str, surface: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=base + surface, headers={"Authorization": f"Bearer {token}"}, timeout=60.0
        )
        self._seen: dict[str, str] = {}

    def get(self, path: str, **params: Any) -> Any:  # JSON
        """A read that sees one's own writes."""
        return self._read(self._http.get(path, params=params, headers=self._seen))

    def text(self, path: str, **params: Any) -> str:
        """A file."""
        return self._http.get(path, params=params, headers=self._seen).raise_for_status().text

    def tag(self, path: str) -> str:
        """The ETag of the state that is there now."""
        answer = self._http.get(path, headers=self._seen)
        self._read(answer)
        return answer.headers["ETag"]

    def post(self, path: str, body: Any, *, wait: int = 30, if_match: str = "*") -> Any:  # JSON
        """A command with a key of its own; waits for operations."""
        headers = {
            "Idempotency-Key": uuid.uuid4().hex,
            "Prefer": f"wait={wait}",
            "X-Reason": "demo",
            "If-Match": if_match,
        }
        return self._read(self._http.post(path, json=body, headers={**self._seen, **headers}))

    def upload(self, path: str, csv: str) -> Any:  # JSON
        """A file, as a command with a key of its own."""
        headers = {"Idempotency-Key": uuid.uuid4().hex, "X-Reason": "demo", "Content-Type": "text/csv"}
        return self._read(self._http.post(path, content=csv.encode(), headers={**self._seen, **headers}))

    def refused(self, path: str, body: Any) -> dict[str, Any]:
        """A command that must be refused; the problem."""
        answer = self._http.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        if answer.is_success:
            raise DemoFailed(f"{path} was accepted although it should not be")
        problem: dict[str, Any] = answer.json()
        return problem

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _read(self, answer: httpx.Response) -> Any:  # JSON
        if not answer.is_success:
            raise DemoFailed(
                f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:600]}"
            )
        token = answer.headers.get("Consistency-Token")
        if token is not None:
            self._seen["Consistency-Token"] = token
        body = answer.json()
        if isinstance(body, dict) and body.get("status") == "failed":
            raise DemoFailed(f"operation {body['kind']} failed: {body['problem']}")
        return body


class World:
    """Everything the story touches."""

    def __init__(self, running: dict[str, Any], issuer: DevelopmentIssuer, console: Console) -> None:
        self.console = console
        self._running = running
        self._issuer = issuer
        self._control = httpx.Client(base_url=running["simulator"] + "/_control", timeout=120.0)
        self._gateway = httpx.Client(base_url=running["gateway"], timeout=10.0)
        token = issuer.issue(reseller=running["reseller_id"], role=Role.RESELLER_ADMIN, actor="dev:ada")
        self.reseller = Person(running["gateway"], "/v1", token)
        self._after = self._newest_event()

    def customer(self, customer_id: str) -> Person:
        """The administrator of a customer."""
        token = self._issuer.issue(
            reseller=self._running["reseller_id"],
            role=Role.CUSTOMER_ADMIN,
            customer=customer_id,
            actor="dev:carl",
        )
        return Person(self._running["gateway"], "/portal/v1", token)

    def close(self) -> None:
        """Give the connections back."""
        for each in (self._control, self._gateway, self.reseller):
            each.close()

    def now(self) -> datetime:
        """The platform's time."""
        answer = self._gateway.get("/readyz").json()
        return datetime.fromisoformat(answer["now"]).astimezone(UTC)

    def advance_to(self, day: date) -> None:
        """Move the simulator's clock to 09:00 of a day, and wait until the platform is there."""
        target = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        answer = self._control.post("/clock/advance", json={"to": target.isoformat().replace("+00:00", "Z")})
        if not answer.is_success:
            raise DemoFailed(f"the clock did not move: {answer.text[:300]}")
        self.eventually(lambda: self.now() >= target, "the platform's clock reaches the simulator's")

    def act(self, action: str, microsoft_tenant_id: str, **fields: Any) -> None:
        """Somebody does something in Partner Center itself."""
        body = {
            "as": "portal_user",
            "tenant_id": self._running["microsoft_tenant_id"],
            "customer_id": microsoft_tenant_id,
            "action": action,
            **fields,
        }
        answer = self._control.post("/act", json=body)
        if not answer.is_success:
            raise DemoFailed(f"{action}: {answer.text[:300]}")

    def eventually(self, probe: Callable[[], T], what: str, *, within: float = 60.0) -> T:
        """The first true answer of a probe."""
        deadline = time.monotonic() + within
        while not (answer := probe()):
            if time.monotonic() > deadline:
                raise DemoFailed(f"not within {within:.0f} s: {what}")
            time.sleep(0.2)
        return answer

    def events(self) -> list[dict[str, Any]]:
        """What has happened since the last look."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.reseller.get("/events", after=self._after, limit=1000)
            self._after = page["next"]
            found += page["data"]
            if len(page["data"]) < 1000:
                return found

    def show_events(self) -> None:
        """Print what has happened, without the steps inside operations."""
        for event in self.events():
            kind = event["type"].removeprefix("csp.").removesuffix(".v1")
            if kind.startswith(
                ("partner-feed.", "operations.operation-submitted", "operations.operation-progressed")
            ):
                continue
            self.console.print(
                f"      [dim]event[/] {kind}  [dim]{event['subject']} #{int(event['sequence'])} {event['origin']}[/]",
                highlight=False,
            )

    def _newest_event(self) -> str:
        after = "0"
        while True:
            page = self.reseller.get("/events", after=after, limit=1000)
            if not page["data"]:
                return after
            after = page["next"]
