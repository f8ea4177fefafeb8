"""An operation that Microsoft holds up tells so, and what it may not do any more it does not begin."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from csp_contracts.ids import Kind, named_id
from csp_contracts.operations_v1 import OperationPostponed, OperationRejected
from csp_subscriptions import service as owner_service
from csp_testing.exploring import Exploration, Explored
from csp_testing.interleaving import RESELLER

ITEM, OWNER = "CFQ7TTC0LH18:0001", "subscriptions"


@dataclass
class World(Explored):
    """One customer with a New Commerce subscription whose window is open."""

    owner: ClassVar[str] = OWNER
    path: str = ""

    async def prepare(self) -> None:
        """Known on both sides."""
        await self.poll()
        made = await self.act(
            "create_customer", company_name="Patient", domain="patient.onmicrosoft.com", country="US"
        )
        customer = made.json()["customer_id"].lower()
        await self.worker("partner-feed", "lister").step()
        wish = {"catalog_item_id": ITEM, "quantity": 5, "term": "P1Y", "billing_cycle": "monthly"}
        bought = (await self.act("buy", customer_id=customer, **wish)).json()["subscription_id"].lower()
        for _ in range(3):  # its order is listed within a quarter of an hour
            await self.advance("PT16M")
            await self.compare(customer)
            await self.deliver(OWNER, "subscriptions.observations")
        async with self.services[OWNER].databases[0].connection() as connection:
            await connection.execute(
                "insert into tenants (tenant_id, reseller_id, customer_id, microsoft_tenant_id, country) "
                "values (%s, %s, 'cus_patient', %s, 'US')",
                [named_id(Kind.TENANT, RESELLER, customer), RESELLER, customer],
            )
        self.path = f"/subscriptions/{named_id(Kind.SUBSCRIPTION, RESELLER, bought)}"

    async def leave(self) -> None:
        """Nothing is left to undo."""

    async def begun(self, path: str, body: dict[str, Any]) -> str:
        """The operation that a command became."""
        answer = await self.command(OWNER, f"{self.path}{path}", body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["operation_id"])

    async def story(self, operation: str) -> list[Any]:
        """The data of its events."""
        return [event.data for event in await self.services[OWNER].store.load(operation)]


def nothing(_: World, run: Any, steps: list[tuple[Any, ...]]) -> int:
    """Nothing is explored."""
    del run
    return len(steps)


@pytest.fixture
def world(postgres_server, tmp_path, runner):
    """A world of this test's own."""
    made = Exploration(stage=World, owners=[owner_service], steps=None, shortest=1, judge=nothing, least=1)
    with made.world(postgres_server, tmp_path, runner, "fast") as begun:
        yield begun


async def throttled(world: World) -> list[Any]:
    fault = {
        "operation": "customers.subscriptions.update",
        "kind": "throttled",
        "count": 2,
        "retry_after": 3600,
    }
    await world.control("POST", "/faults", fault)
    operation = await world.begun("/change-quantity", {"quantity": 7})
    await world.work(OWNER)
    return await world.story(operation)


def test_a_throttled_operation_tells_how_often_it_was_tried_and_when_it_is_tried_again(world, runner):
    *_, waits = runner.run(throttled(world))
    assert isinstance(waits, OperationPostponed)
    assert (waits.step, waits.tries, waits.because) == ("change_quantity", 1, "microsoft-throttled")
    assert waits.next_attempt_at is not None
    assert waits.next_attempt_at - world.clock.now() > timedelta(minutes=59)


async def late(world: World) -> list[Any]:
    operation = await world.begun("/cancel", {})
    await world.advance("P8D")
    await world.work(OWNER)
    return await world.story(operation)


def test_a_cancellation_that_waited_beyond_its_window_is_not_begun(world, runner):
    requested, rejected = runner.run(late(world))
    assert requested.deadline_at is not None
    assert isinstance(rejected, OperationRejected)
    assert (rejected.code, rejected.problem["deadline_at"]) == (
        "deadline-passed",
        requested.deadline_at.isoformat(),
    )
