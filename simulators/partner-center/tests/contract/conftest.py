"""The product's own client, connected to a simulator in this process and to a real PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from csp_partner_center import (
    SCHEMA,
    ClientSecret,
    Credentials,
    PartnerCenterSettings,
    RequestIds,
    Reseller,
    Secret,
    connect,
    simulator,
)
from csp_partner_center.agreements import Contact
from csp_partner_center.carts import NewLine
from csp_partner_center.customers import NewCustomer
from csp_partner_center.domains import Address
from csp_partner_center.subscriptions import Subscription
from csp_partner_center_simulator.embed import build
from csp_runtime.clock import SystemClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.secret_box import SecretBox, new_key
from csp_testing.postgres import database_with

BASE = "http://127.0.0.1:8787"
RESELLER = "res_contract"


class HastyClock(SystemClock):
    """Real time, except that sleeping passes at once: what is waited for is on the simulator's clock."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        self._ahead += seconds


@dataclass
class Shop:
    """A reseller's client beside the simulator's control API."""

    api: Reseller
    http: httpx.AsyncClient
    tenant_id: str
    correlation: UUID = field(default_factory=uuid4)

    def ids(self) -> RequestIds:
        return RequestIds(request_id=uuid4(), correlation_id=self.correlation)

    async def control(self, method: str, path: str, json: Any = None) -> Any:
        answer = await self.http.request(method, f"{BASE}/_control{path}", json=json)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def advance(self, **how: str) -> None:
        await self.control("POST", "/clock/advance", how)

    async def act(self, action: str, **arguments: Any) -> Any:
        body = {"as": "portal_user", "tenant_id": self.tenant_id, "action": action, **arguments}
        return await self.control("POST", "/act", body)

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"operation": operation, "kind": kind, **more})

    async def customer(self, prefix: str = "") -> str:
        """Make a customer that has accepted the agreement."""
        prefix = prefix or f"c{uuid4().hex[:12]}"
        new = NewCustomer(
            domain=f"{prefix}.onmicrosoft.com",
            company_name="Contract Test",
            email="office@example.com",
            address=Address(
                country="US", address_line1="1 Main Street", city="Seattle", state="WA", postal_code="98101"
            ),
        )
        customer = (await self.api.customers.create(new, self.ids())).value.customer.id
        [template] = await self.api.agreements.templates()
        contact = Contact(first_name="Pat", last_name="Lee", email="pat@example.com")
        await self.api.agreements.confirm(
            customer, template, contact, datetime(2026, 1, 1, tzinfo=UTC), self.ids()
        )
        return customer

    async def item(self, key: str) -> str:
        product, sku = key.split(":")
        [availability] = (await self.api.catalogue.availabilities(product, sku, "US")).items
        return availability.catalog_item_id

    async def buy(
        self, customer: str, key: str, quantity: int, *, term: str | None = "P1Y", cycle: str = "monthly"
    ) -> Subscription:
        """Buy one line by cart and checkout."""
        item = await self.item(key) if ":" in key else key
        line = NewLine(id=0, catalog_item_id=item, quantity=quantity, billing_cycle=cycle, term_duration=term)
        cart = (await self.api.carts.create(customer, [line], self.ids())).value
        assert not cart.bad_lines
        result = (await self.api.carts.checkout(customer, cart.id, self.ids())).value
        subscription = result.orders[0].line_items[0].subscription_id
        assert subscription is not None
        return (await self.api.subscriptions.get(customer, subscription)).value


database_url = database_with((SCHEMA, ("csp_partner_center",)))


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    one = build(data=None, world="empty", base_url=BASE)
    await one.start()
    try:
        async with (
            Database(database_url, SCHEMA, DatabaseRole.WORKER, max_size=4) as database,
            httpx.AsyncClient(transport=httpx.ASGITransport(one.app)) as http,
        ):
            [partner] = (await http.get(f"{BASE}/_control/partners")).json()
            settings = PartnerCenterSettings(cloud=simulator(BASE), first_rate=6000)
            client = connect(settings, database, HastyClock(), SecretBox.from_text(new_key()), http=http)
            await client.save_credentials(
                Credentials(
                    reseller_id=RESELLER,
                    microsoft_tenant_id=partner["tenant_id"],
                    client_id=partner["client_id"],
                    proof=ClientSecret(secret=Secret(partner["client_secret"])),
                    refresh_token=Secret(partner["refresh_token"]),
                )
            )
            yield Shop(client.as_reseller(RESELLER), http, partner["tenant_id"])
    finally:
        await one.stop()
