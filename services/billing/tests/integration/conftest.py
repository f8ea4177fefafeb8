"""The billing service over a real PostgreSQL; contract events are fed to its inbox as its consumer does."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from csp_billing import service
from csp_billing.adapters.books import Books
from csp_billing.closing.pool import ShardPool
from csp_billing.closing.worker import CloseWorker
from csp_billing.projections import Inbox
from csp_billing.verifying.verify import verify
from csp_contracts.codec import decode_event
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import CustomerAdded, TenantDiscovered, TenantLinked
from csp_contracts.subscriptions_v1 import BillingStartChanged, QuantityChanged, SubscriptionCreated
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import MovedClock
from csp_runtime.database import Database
from csp_runtime.log_feed import LogFeed
from csp_runtime.platform import Platform, Service
from csp_runtime.scope import Role
from csp_runtime.secret_box import SecretBox, new_key
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings
from csp_runtime.wakeups import Wakeups
from csp_testing.postgres import database_with

RESELLER = "res_north"
PRODUCT = "CFQ7TTC0LH18:0001"


def at(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


@dataclass
class Billing:
    """A built service and what is told to it."""

    service: Service
    http: httpx.AsyncClient
    clock: MovedClock
    issuer: DevelopmentIssuer
    platform: Platform
    versions: Counter[str] = field(default_factory=Counter)

    @property
    def worker(self) -> Database:
        return self.service.databases[0]

    async def told(self, stream: str, data: Any, effective: str, recorded: str | None = None) -> None:
        """An event of another service arrives."""
        self.versions[stream] += 1
        meta = Meta(
            reseller=RESELLER,
            partition_key=stream,
            effective_at=at(effective),
            recorded_at=at(recorded or effective, hour=10),
        )
        event = Recorded(stream=stream, version=self.versions[stream], data=data, meta=meta)
        async with self.worker.transaction() as tx:
            await Inbox().project(tx, [event])

    async def has_customer(self, customer: str, *, name: str = "Tailspin") -> None:
        """A customer with one tenant, `ten_` and the customer's own part."""
        tenant = customer.replace("cus_", "ten_")
        await self.told(
            customer,
            CustomerAdded(customer_id=customer, name=name, country="DE", status="active"),
            "2026-01-01",
        )
        await self.told(
            tenant,
            TenantDiscovered(
                tenant_id=tenant,
                customer_id=customer,
                microsoft_tenant_id=f"ms-{tenant}",
                domain="tailspin.onmicrosoft.com",
                company_name=name,
                country="DE",
            ),
            "2026-01-01",
        )

    async def linked(self, tenant: str, before: str, after: str) -> None:
        await self.told(
            tenant,
            TenantLinked(tenant_id=tenant, from_customer_id=before, to_customer_id=after),
            "2026-02-17",
        )

    async def bought(
        self,
        subscription: str,
        customer: str,
        day: str,
        quantity: int = 10,
        *,
        term: str = "P1M",
        billing_from: str | None = None,
    ) -> None:
        """A monthly subscription, imported where it is billed from another day; its price is told apart."""
        await self.told(
            subscription,
            SubscriptionCreated(
                subscription_id=subscription,
                tenant_id=customer.replace("cus_", "ten_"),
                microsoft_subscription_id=f"ms-{subscription}",
                commerce="nce",
                rule_set="nce",
                product=PRODUCT,
                product_title="=Business Premium",
                term=term,
                charge_cycle="P1M",
                quantity=quantity,
                status="active",
                currency="EUR",
                billing_from=None if billing_from is None else date.fromisoformat(billing_from),
            ),
            day,
        )

    async def priced(self, subscription: str, customer: str, day: str, *, sell: int, cost: int) -> None:
        """Both prices of a subscription, in whole euros."""
        for kind, price in ((SubscriptionPriceLocked, sell), (SubscriptionCostLocked, cost)):
            await self.told(
                subscription.replace("sub_", "spr_"),
                kind(
                    subscription_id=subscription,
                    tenant_id=customer.replace("cus_", "ten_"),
                    currency="EUR",
                    unit_price_micro=price * 1_000_000,
                    price_ref="list/row/1",
                    from_on=date.fromisoformat(day),
                    product=PRODUCT,
                    product_title="Business Premium",
                    charge_cycle="P1M",
                ),
                day,
            )

    async def changed(
        self, subscription: str, customer: str, day: str, quantity: int, *, recorded: str
    ) -> None:
        await self.told(
            subscription,
            QuantityChanged(
                subscription_id=subscription,
                tenant_id=customer.replace("cus_", "ten_"),
                previous=10,
                quantity=quantity,
            ),
            day,
            recorded,
        )

    async def billed_from(self, subscription: str, day: str, *, recorded: str) -> None:
        """An imported subscription is billed from another day on."""
        moved = BillingStartChanged(
            subscription_id=subscription,
            tenant_id=subscription.replace("sub_", "ten_"),
            billing_from=date.fromisoformat(day),
        )
        await self.told(subscription, moved, recorded)

    async def told_edit(self, subscription: str, day: str, sell: int) -> None:
        """The sales price of service days from a day on is set anew, in whole euros."""
        edit = SubscriptionPriceEdited(
            subscription_id=subscription,
            tenant_id=subscription.replace("sub_", "ten_"),
            currency="EUR",
            unit_price_micro=sell * 1_000_000,
            price_ref="edit",
            from_on=date.fromisoformat(day),
        )
        await self.told(subscription.replace("sub_", "spr_"), edit, day, "2026-02-20")

    def headers(
        self, role: Role = Role.RESELLER_BILLING, *, customer: str | None = None, reseller: str = RESELLER
    ) -> dict[str, str]:
        token = self.issuer.issue(reseller=reseller, role=role, customer=customer)
        return {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, **who: Any) -> httpx.Response:
        return await self.http.get(f"/internal/v1{path}", headers=self.headers(**who))

    async def reports(self, **who: Any) -> list[dict[str, Any]]:
        """All reports dated in 2026."""
        answer = await self.get("/reports?from_on=2026-01-01&until_on=2026-12-31", **who)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["reports"]
        return found

    async def report(self, dated_on: str, *, ledger: str = "sell", customer: str = "cus_a") -> dict[str, Any]:
        """The summary of one report."""
        (found,) = [
            each
            for each in await self.reports()
            if (each["dated_on"], each["ledger"], each["customer_id"]) == (dated_on, ledger, customer)
        ]
        return found

    async def lines(self, report_id: str) -> list[dict[str, Any]]:
        detailed = (await self.get(f"/reports/{report_id}")).json()
        return [
            line
            for day in detailed["dates"]
            for subscription in day["subscriptions"]
            for line in subscription["lines"]
        ]

    async def issue(self, report_id: str, key: str = "k1", **who: Any) -> httpx.Response:
        return await self.http.post(
            f"/internal/v1/reports/{report_id}/issue",
            headers=self.headers(**who) | {"Idempotency-Key": key},
        )

    def move_to(self, day: str) -> None:
        """It is nine o'clock of another day."""
        self.clock.move_to(at(day))

    async def close(self, dated_on: str) -> dict[str, Any]:
        """Close a cycle as its user does, and let the worker do its work."""
        cycles = (await self.get("/cycles")).json()
        (cycle,) = [each for each in cycles if each["dated_on"] == dated_on]
        answer = await self.http.post(
            f"/internal/v1/cycles/{cycle['id']}/close", headers=self.headers() | {"Idempotency-Key": dated_on}
        )
        assert answer.status_code == 202, answer.text
        url = self.platform.settings.database_url.get_secret_value()
        worker = CloseWorker(
            url, service.SCHEMA, ShardPool(url, service.SCHEMA, 0), self.platform.wakeups, self.clock
        )
        await asyncio.to_thread(worker.once)
        found: dict[str, Any] = (await self.get(f"/cycles/{cycle['id']}")).json()
        return found

    async def events(self, kind: type[Any]) -> list[Any]:
        """What the wire was told, of one type."""
        assert self.service.log is not None
        page = await self.service.log.read(0, 10_000)
        told = [decode_event(record.type, record.data) for record in page.records]
        return [event for event in told if isinstance(event, kind)]

    async def differences(self) -> list[str]:
        """What `csp billing verify` finds."""
        books = Books(self.platform.settings.database_url.get_secret_value(), service.SCHEMA)
        await books.open()
        found = await books.run(lambda connection: verify(connection, RESELLER))
        await books.close()
        return found.differences

    @asynccontextmanager
    async def second_process(self) -> AsyncIterator["Billing"]:
        """The same service once more over the same database; shares no lock in memory with the first."""
        async with _running(self.platform) as (built, http):
            yield Billing(built, http, self.clock, self.issuer, self.platform, self.versions)

    async def count(self, table: str) -> int:
        async with self.worker.transaction() as tx:
            row = await (await tx.execute(f"select count(*) as n from {table}")).fetchone()
        assert row is not None
        return int(row["n"])


class _Peers:
    def client(self, service: str) -> httpx.AsyncClient:
        raise AssertionError(f"billing asked {service}")


@asynccontextmanager
async def _running(platform: Platform) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    built = service.build(platform)
    for database in built.databases:
        await database.open()
    assert built.start is not None
    assert built.stop is not None
    await built.start()
    transport = httpx.ASGITransport(built.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://billing") as http:
        yield built, http
    await built.stop()
    for database in built.databases:
        await database.close()
    assert built.store is not None
    built.store.close()


database_url = database_with((service.SCHEMA, service.PACKAGES))


@pytest.fixture
async def billing(database_url: str, tmp_path) -> AsyncIterator[Billing]:
    wakeups = Wakeups(database_url)
    await wakeups.start()
    issuer = DevelopmentIssuer(tmp_path)
    clock = MovedClock(at("2026-02-16"))
    platform = Platform(
        settings=RuntimeSettings(database_url=database_url, seal_keys=new_key()),
        microsoft=MicrosoftSettings(),
        mail_settings=MailSettings(),
        clock=clock,
        wakeups=wakeups,
        feed=LogFeed({}, wakeups),
        verifier=issuer,
        service_tokens=issuer,
        box=SecretBox.from_text(new_key()),
        mailer=None,  # type: ignore[arg-type]  # billing sends no mail
        peers=_Peers(),
        approvals=None,  # type: ignore[arg-type]  # nor asks for approval
    )
    async with _running(platform) as (built, http):
        yield Billing(built, http, clock, issuer, platform)
    await wakeups.stop()


@pytest.fixture
async def february(billing: Billing) -> Billing:
    """On 16 February 2026 the first report of a customer, with ten seats bought on 20 January, is over."""
    await billing.has_customer("cus_a")
    await billing.bought("sub_a", "cus_a", "2026-01-20")
    await billing.priced("sub_a", "cus_a", "2026-01-20", sell=20, cost=15)
    return billing
