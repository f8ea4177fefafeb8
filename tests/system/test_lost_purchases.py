"""A purchase whose answer was lost is found by what was asked for, and is never bought twice."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from csp_contracts.envelope import Meta
from csp_contracts.operations_v1 import (
    OperationRejected,
    OperationSubmitted,
    OperationSucceeded,
    OperationUncertain,
)
from csp_runtime.foundation import lay
from csp_runtime.operations import Beginning
from csp_subscriptions import service as owner_service
from csp_testing.exploring import Explored, world_of
from csp_testing.interleaving import RESELLER

OWNER, BASIC, STANDARD = "subscriptions", "CFQ7TTC0LH18:0001", "CFQ7TTC0LDPB:0001"
CHECKOUT = "customers.carts.checkout"


@dataclass
class World(Explored):
    """A customer that has bought nothing yet."""

    owner: ClassVar[str] = OWNER
    customer: str = ""

    async def prepare(self) -> None:
        """It has accepted its agreement."""
        who = {"company_name": "Buyer", "domain": "buyer.onmicrosoft.com", "country": "US"}
        self.customer = (await self.act("create_customer", **who)).json()["customer_id"].lower()
        customers = self.microsoft.world.customers
        customers.put(replace(customers[self.customer], directly_signed=True))

    async def asked(self, *lines: tuple[str, int, str]) -> str:
        """The operation that an order of these lines (product, seats, charge cycle) became."""
        base = lay(self.platform, OWNER, OWNER)
        await base.request.open()
        now = self.clock.now()
        meta = Meta(
            reseller=RESELLER, customer="cus_buyer", partition_key="ten_buyer", recorded_at=now, effective_at=now,
            correlation_id="cor_buyer", causation_id="cmd_buyer",
        )  # fmt: skip
        begun = await base.operations().begin(
            Beginning(
                kind="order.create",
                context=OWNER,
                target={
                    "tenant_id": "ten_buyer",
                    "microsoft_tenant_id": self.customer,
                    "country": "US",
                    "lines": [wish(*line) for line in lines],
                },
                meta=meta,
            ),
            key=None,
            now=now,
        )
        await base.request.close()
        return begun.operation_id

    async def buy(self, product: str, quantity: int) -> None:
        """Somebody buys at the portal."""
        wanted = {"catalog_item_id": product, "quantity": quantity, "term": "P1Y", "billing_cycle": "monthly"}
        bought = await self.act("buy", customer_id=self.customer, **wanted)
        assert bought.status_code == 200, bought.text

    async def strike(self, kind: str, code: int | None = None, count: int | None = 1) -> None:
        """The next checkout goes wrong."""
        await self.control(
            "POST", "/faults", {"operation": CHECKOUT, "kind": kind, "code": code, "count": count}
        )

    async def orders(self) -> list[tuple[str, int]]:
        """What was bought in all, by anybody: product and seats."""
        of = self.microsoft.world
        return sorted(
            (":".join(line.offer_id.split(":")[:2]), line.quantity)
            for order in of.orders
            if order.customer_id == self.customer
            for line in order.lines
        )

    async def ids(self) -> list[tuple[str, int]]:
        """Request id and status of each checkout that arrived."""
        found = (await self.control("GET", f"/requests?operation={CHECKOUT}")).json()
        return [(one["request_id"], one["status"]) for one in found]


def wish(product: str, quantity: int, cycle: str = "P1M") -> dict[str, Any]:
    """A line as the use case writes it."""
    return {
        "product": product, "product_title": product, "commerce": "nce", "segment": "commercial", "term": "P1Y",
        "charge_cycle": cycle, "quantity": quantity, "currency": "USD", "is_trial": False, "directory_sku_id": None,
        "friendly_name": None, "quote": None,
    }  # fmt: skip


@pytest.fixture
def world(postgres_server, tmp_path, runner):
    """A world of this test's own."""
    with world_of(World, [owner_service], postgres_server, tmp_path, runner, latency="fast") as begun:
        yield begun


async def never_arrived_and_then_busy(world: World) -> list[Any]:
    await world.strike("reset_before")
    operation = await world.asked((BASIC, 5, "P1M"))
    await world.once(OWNER)
    await world.advance("PT16M")
    await world.strike("conflict", 800064)
    await world.once(OWNER)
    story = await world.story(operation)
    assert [type(data) for data in story[-2:]] == [OperationSubmitted, OperationUncertain]
    await world.advance("PT16M")
    await world.once(OWNER)
    return await world.story(operation)


def test_a_lost_purchase_that_was_then_refused_as_busy_is_asked_anew_and_bought_once(world, runner):
    story = runner.run(never_arrived_and_then_busy(world))
    assert isinstance(story[-1], OperationSucceeded)
    assert runner.run(world.orders()) == [(BASIC, 5)]
    busy, done = runner.run(world.ids())[-2:]
    assert (busy[1], done[1]) == (409, 201)
    assert busy[0] != done[0]


async def bought_while_others_bought(world: World) -> list[Any]:
    await world.buy(BASIC, 9)
    await world.strike("reset_after")
    operation = await world.asked((BASIC, 5, "P1M"), (STANDARD, 2, "P1Y"))
    await world.once(OWNER)
    await world.buy(STANDARD, 7)
    await world.strike("conflict", 800060, count=None)
    await world.advance("PT16M")
    await world.once(OWNER)
    return await world.story(operation)


def test_the_orders_of_a_lost_purchase_are_told_from_those_of_others(world, runner):
    story = runner.run(bought_while_others_bought(world))
    assert isinstance(story[-1], OperationSucceeded)
    assert len(story[-1].resources) == 2
    assert runner.run(world.orders()) == [(STANDARD, 2), (STANDARD, 7), (BASIC, 5), (BASIC, 9)]
    assert 409 not in {status for _, status in runner.run(world.ids())}


async def submitted_before(world: World) -> list[Any]:
    await world.strike("conflict", 800065, count=2)
    operation = await world.asked((BASIC, 5, "P1M"))
    await world.once(OWNER)
    await world.advance("PT16M")
    await world.once(OWNER)
    assert await world.open_operations(OWNER) == 1
    await world.buy(BASIC, 5)
    await world.once(OWNER)
    return await world.story(operation)


def test_a_cart_that_was_submitted_already_is_looked_for_and_never_rejected(world, runner):
    story = runner.run(submitted_before(world))
    assert isinstance(story[-1], OperationSucceeded)
    assert runner.run(world.orders()) == [(BASIC, 5)]


async def half_bought(world: World) -> list[Any]:
    await world.strike("partial_checkout")
    operation = await world.asked((BASIC, 5, "P1M"), (STANDARD, 2, "P1Y"))
    await world.once(OWNER)
    return await world.story(operation)


def test_what_of_an_order_was_not_bought_is_told(world, runner):
    story = runner.run(half_bought(world))
    assert isinstance(story[-1], OperationSucceeded)
    assert len(story[-1].resources) == 1
    assert [line["product"] for line in story[-1].result["not_ordered"]] == [STANDARD]


@pytest.mark.parametrize("operation", [CHECKOUT, "customers.carts.create"])
def test_an_availability_that_changed_meanwhile_is_read_anew(world, runner, operation):
    async def run() -> list[Any]:
        stale = {"operation": operation, "kind": "stale_availability", "count": 1}
        await world.control("POST", "/faults", stale)
        begun = await world.asked((BASIC, 5, "P1M"))
        await world.once(OWNER)
        return await world.story(begun)

    story = runner.run(run())
    assert not [data for data in story if isinstance(data, OperationRejected)]
    assert isinstance(story[-1], OperationSucceeded)
    assert runner.run(world.orders()) == [(BASIC, 5)]


async def overdue(world: World) -> int:
    await world.strike("reset_after", count=None)
    await world.asked((BASIC, 5, "P1M"))
    await world.once(OWNER)
    unseen = {"operation": "customers.orders.list", "kind": "unavailable", "count": None}
    await world.control("POST", "/faults", unseen)
    await world.advance("PT73H")
    await world.once(OWNER)
    return await world.open_operations(OWNER)


def test_a_purchase_that_stays_lost_is_an_alarm(world, runner, capsys):
    assert runner.run(overdue(world)) == 1
    assert "operation.overdue" in capsys.readouterr().out
