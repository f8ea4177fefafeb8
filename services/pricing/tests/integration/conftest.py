"""The pricing service over a real PostgreSQL; contract events reach its consumers as a feed brings them."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from csp_contracts.codec import decode_event, encode_event
from csp_contracts.envelope import Meta
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import (
    CustomerAdded,
    ResellerRegistered,
    TenantCreated,
    TenantLinked,
)
from csp_contracts.registry import type_of
from csp_contracts.subscriptions_v1 import SubscriptionCreated, SubscriptionRenewed
from csp_pricing import service
from csp_pricing.adapters.rows import copy_catalogue
from csp_pricing.domain.products import Product
from csp_pricing.domain.rows import ListedPrice
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import MovedClock
from csp_runtime.database import Database
from csp_runtime.feed import Batch, FeedRecord
from csp_runtime.log_feed import LogFeed
from csp_runtime.platform import Platform, Service
from csp_runtime.scope import Role
from csp_runtime.secret_box import SecretBox, new_key
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings
from csp_runtime.wakeups import Wakeups
from csp_testing.postgres import database_with

RESELLER, OTHER = "res_north", "res_south"
PREMIUM = "CFQ7TTC0LH18:0001"


def at(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def product(code: str = PREMIUM, **changes: Any) -> Product:
    """A monthly charged product of an annual term."""
    usual = Product(
        product=code,
        term="P1Y",
        charge_cycle="P1M",
        commerce="nce",
        category="New commerce, commercial",
        product_group="Microsoft 365 Business Premium",
        title="Microsoft 365 Business Premium",
        segment="commercial",
        is_addon=False,
        is_trial=False,
        minimum_quantity=1,
        maximum_quantity=300,
        directory_sku_id="cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46",
    )
    return replace(usual, **changes)


@dataclass
class Pricing:
    """A built service and what is told to it."""

    service: Service
    http: httpx.AsyncClient
    clock: MovedClock
    issuer: DevelopmentIssuer
    versions: Counter[str] = field(default_factory=Counter)
    offsets: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)

    @property
    def worker(self) -> Database:
        return self.service.databases[0]

    async def told(
        self, stream: str, data: Any, effective: str, *, reseller: str = RESELLER, **meta: Any
    ) -> None:
        """An event of another service arrives at every consumer that reads it."""
        self.versions[stream] += 1
        wire_name, encoded = encode_event(data)
        context = type_of(type(data)).wire_name.split(".")[1]
        offset = self.offsets[context]
        self.offsets[context] += 1
        usual = Meta(
            reseller=reseller, partition_key=stream, effective_at=at(effective), recorded_at=at(effective, 10)
        )
        record = FeedRecord(stream, self.versions[stream], wire_name, encoded, replace(usual, **meta), offset)
        batch = Batch(source=context, read_from=offset, next_offset=offset + 1, records=[record])
        for consumer in self.service.consumers:
            if context in consumer.handler.contexts:
                await consumer.apply(batch)

    async def has_reseller(self, reseller: str = RESELLER) -> None:
        await self.told(
            reseller,
            ResellerRegistered(
                reseller_id=reseller, name="North", country="DE", currency="EUR", microsoft_tenant_id="ms"
            ),
            "2026-01-01",
            reseller=reseller,
        )

    async def has_customer(
        self, customer: str, *, reseller: str = RESELLER, tenant: bool = True, country: str = "DE"
    ) -> None:
        """A customer, and one tenant of the same name."""
        added = CustomerAdded(customer_id=customer, name="Tailspin", country=country, status="active")
        await self.told(customer, added, "2026-01-01", reseller=reseller)
        if tenant:
            await self.has_tenant(customer.replace("cus_", "ten_"), customer, reseller=reseller)

    async def has_tenant(self, tenant: str, customer: str, *, reseller: str = RESELLER) -> None:
        created = TenantCreated(
            tenant_id=tenant,
            customer_id=customer,
            microsoft_tenant_id=f"ms-{tenant}",
            domain="tailspin.onmicrosoft.com",
            company_name="Tailspin",
            country="DE",
        )
        await self.told(tenant, created, "2026-01-01", reseller=reseller)

    async def linked(
        self,
        tenant: str,
        before: str,
        after: str,
        *,
        reprice_from: date | None = None,
        on: str = "2026-02-17",
    ) -> None:
        data = TenantLinked(
            tenant_id=tenant, from_customer_id=before, to_customer_id=after, reprice_from=reprice_from
        )
        await self.told(tenant, data, on)

    async def bought(
        self, subscription: str, tenant: str, day: str, *, reseller: str = RESELLER, **changes: Any
    ) -> None:
        usual = SubscriptionCreated(
            subscription_id=subscription,
            tenant_id=tenant,
            microsoft_subscription_id=f"ms-{subscription}",
            commerce="nce",
            rule_set="nce",
            product=PREMIUM,
            product_title="Business Premium",
            term="P1Y",
            charge_cycle="P1M",
            quantity=10,
            status="active",
            currency="EUR",
        )
        await self.told(subscription, replace(usual, **changes), day, reseller=reseller)

    async def renewed(self, subscription: str, tenant: str, day: str, **changes: Any) -> None:
        usual = SubscriptionRenewed(
            subscription_id=subscription,
            tenant_id=tenant,
            product=PREMIUM,
            product_title="Business Premium",
            term="P1Y",
            charge_cycle="P1M",
            quantity=10,
            commitment_ends_on=date(2027, 12, 31),
        )
        await self.told(subscription, replace(usual, **changes), day)

    async def sells(self, products: Iterable[Product], reseller: str = RESELLER) -> None:
        """The catalogue of a reseller."""
        async with self.worker.transaction() as tx:
            await copy_catalogue(tx, reseller, list(products), [])

    async def costs(self, price: int, valid_from: str = "2026-01-01", **changes: Any) -> None:
        """A cost of the product, in millionths."""
        usual = ListedPrice(
            row_id=f"cost|{valid_from}",
            version=1,
            price_list_id="prl_cost",
            ledger="cost",
            customer_id=None,
            product=PREMIUM,
            term="P1Y",
            charge_cycle="P1M",
            segment="commercial",
            currency="EUR",
            valid_from=date.fromisoformat(valid_from),
            valid_until=None,
            unit_price_micro=price,
        )
        async with self.worker.transaction() as tx:
            await copy_catalogue(tx, RESELLER, [product()], [replace(usual, **changes)])

    def headers(
        self, role: Role = Role.RESELLER_BILLING, *, customer: str | None = None, reseller: str = RESELLER
    ) -> dict[str, str]:
        token = self.issuer.issue(reseller=reseller, role=role, customer=customer)
        return {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, **who: Any) -> httpx.Response:
        return await self.http.get(f"/internal/v1{path}", headers=self.headers(**who))

    async def post(self, path: str, body: Any, *, key: str | None = None, **who: Any) -> httpx.Response:
        """A command; every one has a key of its own unless told otherwise."""
        self.keys["all"] += 1
        given = {"Idempotency-Key": key or f"k{self.keys['all']}"}
        return await self.http.post(f"/internal/v1{path}", json=body, headers=self.headers(**who) | given)

    async def lists(
        self, price: str, *, customer: str | None = None, valid_from: str = "2026-01-01", **changes: Any
    ) -> dict[str, Any]:
        """A row of a price list."""
        row = {
            "product": PREMIUM,
            "term": "P1Y",
            "charge_cycle": "P1M",
            "unit_price": price,
            "currency": "EUR",
            "valid_from": valid_from,
        }
        answer = await self.post("/price-rows", {"customer_id": customer, "rows": [row | changes]})
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def written(self, *kinds: type[Any]) -> list[Any]:
        """The events of these kinds that the service wrote, in order."""
        assert self.service.log is not None
        page = await self.service.log.read(0, 10_000)
        return [
            event for event in (decode_event(r.type, r.data) for r in page.records) if type(event) in kinds
        ]

    async def locks(self, subscription: str | None = None) -> list[SubscriptionPriceLocked]:
        """Locked sales prices, in order."""
        found = await self.written(SubscriptionPriceLocked)
        return [each for each in found if subscription in (None, each.subscription_id)]

    async def cost_locks(self) -> list[SubscriptionCostLocked]:
        return await self.written(SubscriptionCostLocked)

    async def edits(self) -> list[SubscriptionPriceEdited]:
        return await self.written(SubscriptionPriceEdited)


class _Peers:
    def client(self, service: str) -> httpx.AsyncClient:
        raise AssertionError(f"pricing asked {service}")


@asynccontextmanager
async def running(platform: Platform, client: Any) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """The built service with open databases; its consumers and workers are stepped by the tests."""
    built = service.build(platform, client)
    for database in built.databases:
        await database.open()
    transport = httpx.ASGITransport(built.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://pricing") as http:
        yield built, http
    for database in built.databases:
        await database.close()
    assert built.store is not None
    built.store.close()


database_url = database_with((service.SCHEMA, service.PACKAGES))


@asynccontextmanager
async def platform_on(database_url: str, folder: Any, clock: Any, **changes: Any) -> AsyncIterator[Platform]:
    """What a service is built from, over this database."""
    wakeups = Wakeups(database_url)
    await wakeups.start()
    issuer = DevelopmentIssuer(folder)
    yield replace(
        Platform(
            settings=RuntimeSettings(database_url=database_url, seal_keys=new_key()),
            microsoft=MicrosoftSettings(),
            mail_settings=MailSettings(),
            clock=clock,
            wakeups=wakeups,
            feed=LogFeed({}, wakeups),
            verifier=issuer,
            service_tokens=issuer,
            box=SecretBox.from_text(new_key()),
            mailer=None,  # type: ignore[arg-type]  # pricing sends no mail
            peers=_Peers(),
            approvals=None,  # type: ignore[arg-type]  # nor asks for approval
        ),
        **changes,
    )
    await wakeups.stop()


@pytest.fixture
async def pricing(database_url: str, tmp_path) -> AsyncIterator[Pricing]:
    """A reseller with one product; Microsoft is not asked."""
    clock = MovedClock(at("2026-02-16"))
    async with (
        platform_on(database_url, tmp_path, clock) as platform,
        running(platform, None) as (built, http),
    ):
        assert isinstance(platform.verifier, DevelopmentIssuer)
        told = Pricing(built, http, clock, platform.verifier)
        await told.has_reseller()
        await told.sells([product()])
        yield told


@pytest.fixture
def running_pricing(database_url: str, tmp_path) -> Any:
    """The service with a client of Microsoft's, on a clock."""

    @asynccontextmanager
    async def run(clock: Any, client: Any) -> AsyncIterator[Pricing]:
        async with (
            platform_on(database_url, tmp_path, clock) as platform,
            running(platform, client) as (built, http),
        ):
            assert isinstance(platform.verifier, DevelopmentIssuer)
            yield Pricing(built, http, clock, platform.verifier)

    return run


@pytest.fixture
def premium() -> Product:
    """The product that is sold unless told otherwise."""
    return product()
