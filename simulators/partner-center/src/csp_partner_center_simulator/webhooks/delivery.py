"""Delivers webhooks: signed over the exact bytes, ten attempts on the virtual clock, then offline (PC 9.2)."""

import json
from collections.abc import Callable
from datetime import timedelta

import httpx
from msgspec.structs import replace

from csp_partner_center_simulator.graph import lifecycle
from csp_partner_center_simulator.state.logs import Attempt, Delivery, Task
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.webhooks.certificates import SIGNER, Authority

ATTEMPTS = 10
# The real spacing is not published (PC 9.2); minutes after the n-th attempt.
SPACING = (1, 2, 5, 10, 30, 60, 120, 240, 480)
PATIENCE = 10.0  # seconds of real time
HUGE = 5_000_000


class Deliverer:
    """Posts deliveries and notes what became of them."""

    def __init__(self, world: World, authority: Callable[[], Authority], base_url: Callable[[], str]) -> None:
        self._world = world
        self._authority = authority
        self._base_url = base_url
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def deliver(self, task: Task) -> None:
        """Make the next attempt of a delivery; plan another when it fails, up to ten."""
        delivery = self._world.deliveries.get(task.ref)
        with self._world.transaction():
            self._world.agenda.remove(task.id)
        if delivery is None or delivery.state != "pending":
            return
        attempt = await self._attempt(delivery)
        with self._world.transaction():
            self._note(delivery, task, attempt)

    async def _attempt(self, delivery: Delivery) -> Attempt:
        content, headers = self._signed(delivery)
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, trust_env=False)
        try:
            answer = await self._client.post(delivery.url, content=content, headers=headers)
        except httpx.HTTPError as problem:
            return Attempt(at=self._world.now, outcome=type(problem).__name__)
        ok = 200 <= answer.status_code < 300
        return Attempt(
            at=self._world.now, outcome="delivered" if ok else "refused", status=answer.status_code
        )

    def _signed(self, delivery: Delivery) -> tuple[bytes, dict[str, str]]:
        content = delivery.body.encode()
        if delivery.event.startswith("graph."):
            return content, {"Content-Type": "application/json"}
        authority = self._authority()
        signer, file = authority.signing, f"{SIGNER}.cer"
        match delivery.defect:
            case "huge":
                content = json.dumps({**json.loads(content), "Padding": "x" * HUGE}).encode()
            case "expired_certificate":
                signer, file = authority.expired, "expired.cer"
            case "foreign_certificate":
                signer, file = authority.foreign, "foreign.cer"
        url = f"{self._base_url()}/_control/webhooks/certificates/{file}"
        if delivery.defect == "foreign_certificate_url":
            url = f"https://certificates.example.com/cert/{SIGNER}.cer"
        signature = signer.sign(b"something else" if delivery.defect == "bad_signature" else content)
        headers = {
            "Content-Type": "application/json",
            "X-MS-Certificate-Url": url,
            "X-MS-Signature-Algorithm": "rsa-sha256",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "Partner Center notifications (simulator)",
        }
        if delivery.signature_in_ms_header:
            headers["x-ms-signature"] = signature
        else:
            headers["Authorization"] = f"Signature {signature}"
        return content, headers

    def _note(self, delivery: Delivery, task: Task, attempt: Attempt) -> None:
        world = self._world
        attempts = (*delivery.attempts, attempt)
        if attempt.outcome == "delivered":
            world.deliveries.put(replace(delivery, attempts=attempts, state="delivered"))
        elif len(attempts) >= ATTEMPTS:
            world.deliveries.put(replace(delivery, attempts=attempts, state="offline"))
            if delivery.subscription_id:
                lifecycle.missed(world, delivery.subscription_id)
        else:
            due = world.now + timedelta(minutes=SPACING[len(attempts) - 1])
            world.deliveries.put(replace(delivery, attempts=attempts, due_at=due))
            world.agenda.add(replace(task, at=due, number=world.next_number()))
