"""The client against a whole Partner Center: the simulator, in this process, in a world with one partner."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from csp_partner_center import (
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
from csp_runtime.database import Database
from csp_runtime.secret_box import SecretBox, new_key

BASE = "http://127.0.0.1:8787"
BASIC = "CFQ7TTC0LH18:0001"
LEGACY = "796b6b5f-613c-4e24-a17c-eba730d49c02"


def new_ids() -> RequestIds:
    return RequestIds(request_id=uuid4(), correlation_id=uuid4())


@dataclass
class Partner:
    """A reseller at Microsoft, and the hands of others there."""

    reseller: Reseller
    http: httpx.AsyncClient
    tenant_id: str

    def ids(self) -> RequestIds:
        return new_ids()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"{BASE}/_control{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def act(self, action: str, *, who: str = "portal_user", **arguments: Any) -> Any:
        return await self.control(
            "POST", "/act", {"as": who, "tenant_id": self.tenant_id, "action": action, **arguments}
        )

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"operation": operation, "kind": kind, **more})

    async def requests(self, operation: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.control("GET", f"/requests?operation={operation}")
        return found

    def new_customer(self, prefix: str | None = None) -> NewCustomer:
        return NewCustomer(
            domain=f"{prefix or 't' + uuid4().hex[:12]}.onmicrosoft.com",
            company_name="North Bakery",
            email="it@north.example",
            first_name="Pat",
            last_name="Lee",
            address=Address(
                country="US",
                address_line1="1 Main Street",
                city="Seattle",
                state="WA",
                postal_code="98101",
                first_name="Pat",
                last_name="Lee",
            ),
        )

    async def customer(self) -> str:
        """A customer that has accepted the agreement."""
        made = await self.reseller.customers.create(self.new_customer(), new_ids())
        (template, *_) = await self.reseller.agreements.templates()
        await self.reseller.agreements.confirm(
            made.value.customer.id,
            template,
            Contact(first_name="Pat", last_name="Lee", email="pat@north.example"),
            datetime(2026, 1, 1, tzinfo=UTC),
            new_ids(),
        )
        return made.value.customer.id

    async def domain(self, customer: str) -> str:
        """The domain its users' names end with."""
        domain = (await self.reseller.customers.get(customer)).value.company_profile.domain
        assert domain is not None
        return domain

    async def buy(self, customer: str, quantity: int = 5) -> Subscription:
        """Seats of a New Commerce product for a year, paid monthly."""
        found = await self.reseller.catalogue.availabilities(*BASIC.split(":"), country="US")
        (item, *_) = [each for each in found.items if each.has_term("P1Y", "monthly")]
        line = NewLine(
            id=0,
            catalog_item_id=item.catalog_item_id,
            quantity=quantity,
            billing_cycle="monthly",
            term_duration="P1Y",
        )
        cart = (await self.reseller.carts.create(customer, [line], new_ids())).value
        assert cart.bad_lines == []
        bought = (await self.reseller.carts.checkout(customer, cart.id, new_ids())).value
        assert bought.order_errors == []
        subscription_id = bought.orders[0].line_items[0].subscription_id
        assert subscription_id is not None
        return (await self.reseller.subscriptions.get(customer, subscription_id)).value


@pytest.fixture
async def partner(database: Database, clock) -> AsyncIterator[Partner]:
    service = build(data=None, world="empty", base_url=BASE)
    await service.start()
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app)) as http:
            told = (await http.get(f"{BASE}/_control/partners")).json()[0]
            client = connect(
                PartnerCenterSettings(cloud=simulator(BASE), first_rate=6000),
                database,
                clock,
                SecretBox.from_text(new_key()),
                http=http,
            )
            await client.save_credentials(
                Credentials(
                    reseller_id="res_north",
                    microsoft_tenant_id=told["tenant_id"],
                    client_id=told["client_id"],
                    proof=ClientSecret(secret=Secret(told["client_secret"])),
                    refresh_token=Secret(told["refresh_token"]),
                )
            )
            yield Partner(client.as_reseller("res_north"), http, told["tenant_id"])
    finally:
        await service.stop()
