"""A simulator in this process, and short words for calling it."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from csp_partner_center_simulator.embed import build

BASE = "http://simulator.test"


@dataclass
class Service:
    """Calls one simulator as one partner, with an app+user token unless told otherwise."""

    http: httpx.AsyncClient
    partner: dict[str, Any]
    tokens: dict[str, str] = field(default_factory=dict)

    async def control(self, method: str, path: str, json: Any = None, *, expect: int = 200) -> Any:
        answer = await self.http.request(method, f"/_control{path}", json=json)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def token(self, kind: str = "app_user", **wishes: Any) -> str:
        body = {"tenant_id": self.partner["tenant_id"], "kind": kind, **wishes}
        return (await self.control("POST", "/tokens", body))["access_token"]

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        kind: str = "app_user",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        if kind not in self.tokens:
            self.tokens[kind] = await self.token(kind, lifetime_seconds=400_000_000)
        sent = {
            "Authorization": f"Bearer {self.tokens[kind]}",
            "MS-RequestId": str(uuid4()),
            **(headers or {}),
        }
        return await self.http.request(method, path, json=json, headers=sent, **options)

    async def get(self, path: str, **options: Any) -> Any:
        answer = await self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def advance(self, **how: Any) -> Any:
        return await self.control("POST", "/clock/advance", how)

    async def act(self, action: str, *, who: str = "portal_user", **arguments: Any) -> Any:
        return await self.control(
            "POST", "/act", {"as": who, "tenant_id": self.partner["tenant_id"], "action": action, **arguments}
        )

    async def customer(self, name: str = "Test Company", prefix: str = "") -> str:
        """Make a customer that has accepted the agreement; give its id."""
        prefix = prefix or f"t{uuid4().hex[:12]}"
        made = await self.call("POST", "/v1/customers", customer_body(name, prefix))
        assert made.status_code == 201, made.text
        customer = made.json()["id"]
        agreed = await self.call("POST", f"/v1/customers/{customer}/agreements", AGREEMENT)
        assert agreed.status_code == 201, agreed.text
        return customer

    async def item(self, key: str) -> str:
        """Give the catalogue item id of `product:sku` as it is today."""
        product, sku = key.split(":")
        found = await self.get(f"/v1/products/{product}/skus/{sku}/availabilities?country=US")
        return found["items"][0]["catalogItemId"]

    async def buy(
        self,
        customer: str,
        key: str,
        quantity: int,
        *,
        term: str | None = "P1Y",
        cycle: str = "monthly",
        **more: Any,
    ) -> dict[str, Any]:
        """Buy one line by cart and checkout; give the subscription."""
        line = {"id": 0, "catalogItemId": await self.item(key) if ":" in key else key, "quantity": quantity}
        line |= {"billingCycle": cycle, **({"termDuration": term} if term else {}), **more}
        cart = await self.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": [line]})
        assert cart.status_code == 201, cart.text
        assert "error" not in cart.json()["lineItems"][0], cart.text
        done = await self.call("POST", f"/v1/customers/{customer}/carts/{cart.json()['id']}/checkout")
        assert done.status_code == 201, done.text
        assert done.json()["orderErrors"] == []
        subscription = done.json()["orders"][0]["lineItems"][0]["subscriptionId"]
        return await self.get(f"/v1/customers/{customer}/subscriptions/{subscription}")

    async def change(self, subscription: dict[str, Any], **changes: Any) -> httpx.Response:
        """Read, change, write, as PC 6.3 asks for."""
        uri = f"/v1{subscription['links']['self']['uri']}"
        now = await self.get(uri)
        return await self.call("PATCH", uri, {**now, **changes})


AGREEMENT = {
    "primaryContact": {"firstName": "Pat", "lastName": "Lee", "email": "pat@example.com"},
    "dateAgreed": "2026-01-01T00:00:00Z",
    "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9",
    "type": "MicrosoftCustomerAgreement",
}


def customer_body(name: str, prefix: str) -> dict[str, Any]:
    """Give the body of a customer create."""
    return {
        "companyProfile": {"domain": f"{prefix}.onmicrosoft.com"},
        "billingProfile": {
            "email": "office@example.com",
            "culture": "en-US",
            "language": "en",
            "companyName": name,
            "firstName": "Pat",
            "lastName": "Lee",
            "defaultAddress": {
                "firstName": "Pat",
                "lastName": "Lee",
                "addressLine1": "1 Main Street",
                "city": "Seattle",
                "state": "WA",
                "postalCode": "98101",
                "country": "US",
            },
        },
    }


async def _service(world: str) -> AsyncIterator[Service]:
    simulator = build(data=None, world=world, base_url=BASE)
    await simulator.start()
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(simulator.app), base_url=BASE) as http:
            partners = (await http.get("/_control/partners")).json()
            yield Service(http, partners[0])
    finally:
        await simulator.stop()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A world with one partner and the catalogue."""
    async for one in _service("empty"):
        yield one


@pytest.fixture
async def demo() -> AsyncIterator[Service]:
    """The demo world."""
    async for one in _service("demo"):
        yield one


COMMAND = [sys.executable, "-c", "from csp_cli.main import main; main()", "simulator", "--port", "0"]


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client of a simulator in a process of its own, for programs of others."""
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        with httpx.Client(base_url=process.stdout.readline().split()[2]) as client:
            yield client
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def new_customer() -> Callable[[str, str], dict[str, Any]]:
    """Give the body of a customer create, by name and domain prefix."""
    return customer_body
