"""A month at the simulated Microsoft, whose billing shares no code with ours: its invoice and our cost agree line by line."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from csp_billing.adapters.books import Books
from csp_billing.invoices.discovery import InvoiceDiscovery
from csp_billing.invoices.fetching import FetchWorker, ask, fetch_json
from csp_billing.invoices.worker import MatchWorker
from csp_billing.projections import Inbox
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import ResellerSettingChanged
from csp_contracts.subscriptions_v1 import (
    QuantityChanged,
    SubscriptionCancelled,
    SubscriptionCreated,
    SubscriptionSuspended,
)
from csp_partner_center import (
    SCHEMA,
    ClientSecret,
    Credentials,
    PartnerCenter,
    PartnerCenterSettings,
    Secret,
    connect,
    simulator,
)
from csp_partner_center_simulator.embed import build
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.migrate import migrate
from csp_runtime.secret_box import SecretBox, new_key

if TYPE_CHECKING:
    from conftest import Billing

BASE = "http://127.0.0.1:8787"
RESELLER = "res_north"
BUSINESS, E5 = "CFQ7TTC0LH18:0001", "CFQ7TTC0LFLZ:0002"


@dataclass
class World:
    """A reseller at the simulated Microsoft, and our billing, which is told what happens there."""

    billing: "Billing"
    client: PartnerCenter
    http: httpx.AsyncClient
    books: Books
    partner: str
    prices: dict[tuple[str, str, str], int]
    owners: dict[str, str] = field(default_factory=dict)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"{BASE}/_control{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def at(self, moment: str) -> None:
        await self.control("POST", "/clock/advance", {"to": f"{moment}:00Z"})
        self.billing.clock.move_to(datetime.fromisoformat(f"{moment}:00+00:00"))

    async def act(self, action: str, **arguments: Any) -> Any:
        return await self.control(
            "POST", "/act", {"as": "portal_user", "tenant_id": self.partner, "action": action, **arguments}
        )

    async def told(self, stream: str, data: Any) -> None:
        now = self.billing.clock.now()
        self.billing.versions[stream] += 1
        meta = Meta(reseller=RESELLER, partition_key=stream, effective_at=now, recorded_at=now)
        event = Recorded(stream=stream, version=self.billing.versions[stream], data=data, meta=meta)
        async with self.billing.worker.transaction() as tx:
            await Inbox().project(tx, [event])

    async def buy(self, customer: str, product: str, term: str, cycle: str, quantity: int) -> str:
        plan = {"P1M": "monthly", "P1Y": "annual"}[cycle]
        bought = await self.act(
            "buy",
            customer_id=customer,
            catalog_item_id=product,
            quantity=quantity,
            term=term,
            billing_cycle=plan,
        )
        guid: str = bought["subscription_id"]
        self.owners[guid] = customer
        name = named_id(Kind.SUBSCRIPTION, RESELLER, guid)
        await self.told(
            name,
            SubscriptionCreated(
                subscription_id=name,
                tenant_id="ten_a",
                microsoft_subscription_id=guid,
                commerce="nce",
                rule_set="nce",
                product=product,
                product_title=product,
                term=term,
                charge_cycle=cycle,
                quantity=quantity,
                status="active",
                currency="USD",
            ),
        )
        for kind in (SubscriptionPriceLocked, SubscriptionCostLocked):
            await self.told(
                name.replace("sub_", "spr_"),
                kind(
                    subscription_id=name,
                    tenant_id="ten_a",
                    currency="USD",
                    unit_price_micro=self.prices[product, term, plan],
                    price_ref="sheet",
                    from_on=self.billing.clock.now().date(),
                    product=product,
                    product_title=product,
                    charge_cycle=cycle,
                ),
            )
        return guid

    async def change(self, guid: str, before: int, quantity: int) -> None:
        await self._change("change_quantity", guid, quantity=quantity)
        name = named_id(Kind.SUBSCRIPTION, RESELLER, guid)
        await self.told(
            name,
            QuantityChanged(subscription_id=name, tenant_id="ten_a", previous=before, quantity=quantity),
        )

    async def cancel(self, guid: str) -> None:
        await self._change("cancel", guid)
        name = named_id(Kind.SUBSCRIPTION, RESELLER, guid)
        await self.told(name, SubscriptionCancelled(subscription_id=name, tenant_id="ten_a"))

    async def suspend(self, guid: str) -> None:
        await self._change("suspend", guid)
        name = named_id(Kind.SUBSCRIPTION, RESELLER, guid)
        await self.told(name, SubscriptionSuspended(subscription_id=name, tenant_id="ten_a"))

    async def _change(self, action: str, guid: str, **more: Any) -> None:
        await self.act(action, customer_id=self.owners[guid], subscription_id=guid, **more)

    async def fetched(self, adjustment: str | None = None) -> dict[str, Any]:
        """The newest invoice, fetched by the worker and matched."""
        invoices = [
            each async for page in self.client.as_reseller(RESELLER).invoices.pages() for each in page.items
        ]
        newest = max(invoices, key=lambda each: each.invoice_date or datetime.min.replace(tzinfo=UTC))
        now = self.billing.clock.now()
        fetch_id = f"ivf_{newest.id}_{adjustment}"
        await self.books.run(
            lambda connection: ask(
                connection, fetch_id, newest.id, adjustment, reseller=RESELLER, actor="usr_x", now=now
            )
        )
        worker = FetchWorker(self.client, self.books, self.billing.platform.wakeups, self.billing.clock)
        for _ in range(20):
            await worker.once()
            found = await self.books.run(lambda connection: fetch_json(connection, RESELLER, fetch_id))
            assert found is not None
            if found["ended_at"] is not None:
                return found
            await self.control("POST", "/clock/advance", {"by": "PT5M"})
        raise AssertionError(f"the export never ended: {found}")

    async def matched(self) -> dict[str, Any]:
        fetched = await self.fetched()
        assert fetched["status"] == "done", fetched
        matcher = MatchWorker(self.books.url, "billing", self.billing.platform.wakeups, self.billing.clock)
        await asyncio.to_thread(matcher.once)
        found: dict[str, Any] = (await self.billing.get(f"/invoice-imports/{fetched['import_id']}")).json()
        assert found["status"] == "matched"
        return found


@pytest.fixture
async def world(billing: "Billing") -> AsyncIterator[World]:
    url = billing.platform.settings.database_url.get_secret_value()
    migrate(url, SCHEMA, ["csp_partner_center"])
    microsoft = build(data=None, world="empty", base_url=BASE)
    await microsoft.start()
    books = Books(url, "billing")
    await books.open()
    async with (
        Database(url, SCHEMA, DatabaseRole.WORKER) as database,
        httpx.AsyncClient(transport=httpx.ASGITransport(microsoft.app)) as http,
    ):
        told = (await http.get(f"{BASE}/_control/partners")).json()[0]
        client = connect(
            PartnerCenterSettings(cloud=simulator(BASE), first_rate=6000),
            database,
            billing.clock,
            SecretBox.from_text(new_key()),
            http=http,
        )
        await client.save_credentials(
            Credentials(
                reseller_id=RESELLER,
                microsoft_tenant_id=told["tenant_id"],
                client_id=told["client_id"],
                proof=ClientSecret(secret=Secret(told["client_secret"])),
                refresh_token=Secret(told["refresh_token"]),
            )
        )
        # Our clock never goes back: Microsoft's comes to where ours is.
        await http.post(f"{BASE}/_control/clock/advance", json={"to": billing.clock.now().isoformat()})
        sheet = await client.as_reseller(RESELLER).price_sheets.licence_prices("US")
        prices = {
            (f"{row.product_id}:{row.sku_id}", row.term_duration, row.billing_plan.lower()): int(
                row.unit_price * 1_000_000
            )
            for row in sheet
            if getattr(row, "segment", "").lower() == "commercial"
        }
        await billing.has_customer("cus_a")
        yield World(billing, client, http, books, told["tenant_id"], prices)
    await books.close()
    await microsoft.stop()


async def customer(world: World) -> str:
    made = await world.act(
        "create_customer", domain="bakery.onmicrosoft.com", company_name="Bakery", country="US"
    )
    found: str = made["customer_id"]
    return found


async def test_nothing_of_a_month_at_microsoft_is_unexplained(world):
    bakery = await customer(world)
    await world.at("2026-03-05T10:00")
    yearly = await world.buy(bakery, BUSINESS, "P1Y", "P1M", 10)
    bundle = await world.buy(bakery, E5, "P1Y", "P1M", 7)
    monthly = await world.buy(bakery, BUSINESS, "P1M", "P1M", 3)
    prepaid = await world.buy(bakery, BUSINESS, "P1Y", "P1Y", 2)
    await world.at("2026-03-08T09:00")
    await world.change(yearly, 10, 13)
    await world.change(bundle, 7, 9)
    await world.at("2026-03-10T15:00")
    await world.change(yearly, 13, 12)
    await world.cancel(monthly)
    await world.at("2026-03-20T12:00")
    await world.suspend(prepaid)
    mistaken = await world.buy(bakery, BUSINESS, "P1Y", "P1M", 40)
    await world.at("2026-03-21T08:00")
    await world.cancel(mistaken)
    await world.at("2026-04-10T08:00")
    await world.billing.close("2026-03-16")  # so that part of our side is issued and part is open

    found = await world.matched()

    assert found["source"] == "partner_center"
    assert found["difference"]["amount"] == "0.00"
    assert found["undecided"] == 0, found["reasons"]
    assert {each["reason"].partition(":")[0] for each in found["reasons"]} <= {"equal", "explained"}
    assert found["row_count"] >= 12


async def test_an_invoice_whose_export_fails_comes_by_its_pages(world):
    bakery = await customer(world)
    await world.at("2026-03-05T10:00")
    await world.buy(bakery, E5, "P1Y", "P1M", 7)
    await world.at("2026-04-10T08:00")
    await world.control(
        "POST",
        "/faults",
        {"operation": "graph.billing.reconciliation.billed.export", "kind": "export_failed", "count": 1},
    )

    found = await world.matched()

    assert [each["reason"] for each in found["reasons"]] == ["equal"]
    assert found["row_count"] == 2


async def test_an_invoice_that_has_more_than_its_lines_is_taken_once_the_rest_is_declared(world):
    bakery = await customer(world)
    await world.control("PATCH", "/profile", {"adjustment_without_line": True})
    await world.at("2026-03-05T10:00")
    await world.buy(bakery, BUSINESS, "P1Y", "P1M", 7)
    await world.at("2026-04-10T08:00")

    refused = await world.fetched()
    taken = await world.fetched(adjustment="-1.00")

    assert refused["status"] == "failed"
    assert "declare it: -1.00" in refused["fault"]
    assert taken["status"] == "done"


async def test_new_invoices_come_by_themselves_where_the_reseller_wants_it_each_once(world):
    bakery = await customer(world)
    await world.at("2026-03-05T10:00")
    await world.buy(bakery, BUSINESS, "P1Y", "P1M", 7)
    discovery = InvoiceDiscovery(world.client, world.books, world.billing.clock)
    await world.at("2026-04-10T08:00")
    await discovery.once()
    assert await fetches(world) == []

    setting = ResellerSettingChanged(
        reseller_id=RESELLER, setting="invoice_import", value="automatic", effective_on=date(2026, 4, 1)
    )
    await world.billing.told(RESELLER, setting, "2026-04-10")
    await world.control("POST", "/faults", {"operation": "invoices.list", "kind": "forbidden", "count": 9})
    await discovery.once()
    await world.control("DELETE", "/faults")
    assert await fetches(world) == []
    for _ in range(2):
        await discovery.once()
    (asked,) = await fetches(world)
    assert (asked["state"], asked["asked_by"]) == ("asked", "service:billing")

    await world.at("2026-04-11T08:00")
    await discovery.once()
    assert await fetches(world) == [asked]

    async with world.billing.worker.connection() as connection:
        await connection.execute("update invoice_fetches set state = 'failed'")
    await world.at("2026-04-12T08:00")
    await discovery.once()
    assert [each["state"] for each in await fetches(world)] == ["failed", "asked"]


async def fetches(world: World) -> list[dict[str, Any]]:
    async with world.billing.worker.connection() as connection:
        cursor = await connection.execute("select * from invoice_fetches order by asked_at, fetch_id")
        return await cursor.fetchall()


LEGACY = "796b6b5f-613c-4e24-a17c-eba730d49c02"


async def test_a_legacy_invoice_agrees_on_seats_that_are_recognised_on_the_anniversary(world):
    bakery = await customer(world)
    await world.at("2026-03-05T10:00")
    bought = await world.act(
        "buy", customer_id=bakery, catalog_item_id=LEGACY, quantity=4, billing_cycle="monthly"
    )
    guid = bought["subscription_id"]
    world.owners[guid] = bakery
    name = named_id(Kind.SUBSCRIPTION, RESELLER, guid)
    await world.told(
        name,
        SubscriptionCreated(
            subscription_id=name,
            tenant_id="ten_a",
            microsoft_subscription_id=guid,
            commerce="legacy",
            rule_set="legacy_anniversary",
            product=LEGACY,
            product_title="Legacy",
            term="P1Y",
            charge_cycle="P1M",
            quantity=4,
            status="active",
            currency="USD",
        ),
    )
    # Legacy offers have no price sheet: what a seat costs is read off the first invoice, as people do.
    await world.at("2026-03-18T08:00")
    invoices = [
        each async for page in world.client.as_reseller(RESELLER).invoices.pages() for each in page.items
    ]
    (first,) = [each for each in invoices if each.id.startswith("D")]
    pages = world.client.as_reseller(RESELLER).invoices.legacy_lines(first.id)
    (line,) = [line async for page in pages for line in page.items]
    for kind in (SubscriptionPriceLocked, SubscriptionCostLocked):
        await world.told(
            name.replace("sub_", "spr_"),
            kind(
                subscription_id=name,
                tenant_id="ten_a",
                currency="USD",
                unit_price_micro=int(line.unit_price * 1_000_000),
                price_ref="first invoice",
                from_on=date(2026, 3, 5),
                product=LEGACY,
                product_title="Legacy",
                charge_cycle="P1M",
            ),
        )
    await world.at("2026-03-20T09:00")
    await world.change(guid, 4, 7)
    await world.at("2026-04-20T08:00")

    found = await world.matched()

    assert found["format"] == "legacy"
    assert found["undecided"] == 0, found["reasons"]
    assert found["row_count"] == 4  # the advance back, two stretches of seats, the next fee
    assert {each["reason"].partition(":")[0] for each in found["reasons"]} <= {"equal", "explained"}
