"""An operation that Microsoft holds up tells so, and what it may not do any more it does not begin."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from csp_contracts.ids import Kind, named_id
from csp_contracts.operations_v1 import (
    OperationPostponed,
    OperationProgressed,
    OperationRejected,
    OperationSucceeded,
)
from csp_provisioning import service as provisioning
from csp_subscriptions import service as owner_service
from csp_testing.exploring import Explored, world_of
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

    async def calls(self, operation: str) -> list[Any]:
        """What arrived at Microsoft of an operation of theirs."""
        found: list[Any] = (await self.control("GET", f"/requests?operation={operation}")).json()
        return found


@pytest.fixture
def world(postgres_server, tmp_path, runner):
    """A world of this test's own."""
    with world_of(World, [owner_service], postgres_server, tmp_path, runner, latency="fast") as begun:
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
    await world.once(OWNER)
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
    await world.once(OWNER)
    return await world.story(operation)


def test_a_cancellation_that_waited_beyond_its_window_is_not_begun(world, runner):
    requested, rejected = runner.run(late(world))
    assert requested.deadline_at is not None
    assert isinstance(rejected, OperationRejected)
    assert (rejected.code, rejected.problem["deadline_at"]) == (
        "deadline-passed",
        requested.deadline_at.isoformat(),
    )


async def pending_for_days(world: World) -> list[Any]:
    fault = {"operation": "customers.subscriptions.update", "kind": "conflict", "count": None}
    await world.control("POST", "/faults", fault)
    operation = await world.begun("/change-quantity", {"quantity": 9})
    await world.once(OWNER)
    await world.advance("PT71H")
    await world.once(OWNER)
    assert await world.open_operations(OWNER) == 1
    await world.advance("PT2H")
    await world.once(OWNER)
    assert await world.open_operations(OWNER) == 0
    await world.control("DELETE", "/faults")
    return await world.story(operation)


async def pending_for_an_hour(world: World) -> tuple[list[Any], list[Any]]:
    at_microsoft = world.microsoft.world
    one = next(
        each
        for each in at_microsoft.subscriptions
        if named_id(Kind.SUBSCRIPTION, RESELLER, each.id) == world.path.removeprefix("/subscriptions/")
    )
    at_microsoft.subscriptions.put(replace(one, busy_until=at_microsoft.now + timedelta(hours=1)))
    operation = await world.begun("/change-quantity", {"quantity": 9})
    await world.once(OWNER)
    await world.advance("PT2H")
    await world.once(OWNER)
    return await world.story(operation), await world.calls("customers.subscriptions.update")


def test_what_microsoft_answered_is_asked_anew_with_an_id_of_its_own(world, runner):
    """The same id would be answered with the same refusal for ever (PC 2.7)."""
    story, calls = runner.run(pending_for_an_hour(world))
    assert isinstance(story[-1], OperationSucceeded)
    assert [each["status"] for each in calls] == [409, 200]
    assert calls[0]["request_id"] != calls[1]["request_id"]


def test_a_change_that_stays_pending_at_microsoft_is_given_up_after_three_days(world, runner):
    *_, rejected = runner.run(pending_for_days(world))
    assert isinstance(rejected, OperationRejected)
    assert rejected.code == "upstream-busy"
    assert (rejected.problem["because"], rejected.problem["waited_hours"]) == ("microsoft-busy", 73)


@dataclass
class Beginning(Explored):
    """A partner that makes its first tenant."""

    owner: ClassVar[str] = "provisioning"

    async def prepare(self) -> None:
        """Nothing is needed."""


@pytest.fixture
def beginning(postgres_server, tmp_path, runner):
    """A world of this test's own."""
    with world_of(Beginning, [provisioning], postgres_server, tmp_path, runner, latency="fast") as begun:
        yield begun


async def made_and_held_up(beginning: Beginning) -> list[Any]:
    """The tenant is made; its agreement stays pending."""
    fault = {"operation": "customers.agreements.create", "kind": "conflict", "count": None}
    await beginning.control("POST", "/faults", fault)
    contact = {"first_name": "Ruth", "last_name": "Frost", "email": "ruth@any.example"}
    address = {
        "line1": "1 Main St",
        "city": "Seattle",
        "state": "WA",
        "postal_code": "98101",
        "country": "US",
    }
    form = {"name": "Held Ltd", "address": address, "contact": contact}
    added = await beginning.command("provisioning", "/customers", form)
    wish = {"domain": "held.onmicrosoft.com", "agreement_accepted": True}
    path = f"/customers/{added.json()['id']}/tenants"
    operation = (await beginning.command("provisioning", path, wish)).json()["operation_id"]
    for hours in (1, 71, 2, 500):
        await beginning.advance(f"PT{hours}H")
        await beginning.once("provisioning")
    assert await beginning.open_operations("provisioning") == 1
    return await beginning.story(operation)


def test_an_operation_that_has_had_an_effect_is_an_alarm_and_never_a_rejection(beginning, runner, capsys):
    story = runner.run(made_and_held_up(beginning))
    assert [data.step for data in story if isinstance(data, OperationProgressed)] == ["create"]
    assert not [data for data in story if isinstance(data, OperationRejected)]
    assert "operation.overdue" in capsys.readouterr().out


async def looked_in_vain(world: World) -> list[int]:
    """The answer of a change is lost, and so is the first look at whether it was done."""
    before = len(await world.calls("customers.subscriptions.update"))
    lost = {"operation": "customers.subscriptions.update", "kind": "error_after", "count": None}
    await world.control("POST", "/faults", lost)
    await world.begun("/change-quantity", {"quantity": 11})
    await world.once(OWNER)
    await world.control("DELETE", "/faults")
    busy = {"operation": "customers.subscriptions.get", "kind": "conflict"}
    await world.control("POST", "/faults", busy)
    sent = len(await world.calls("customers.subscriptions.update")) - before
    await world.once(OWNER)
    await world.once(OWNER)
    assert await world.open_operations(OWNER) == 0
    return [sent, len(await world.calls("customers.subscriptions.update")) - before]


def test_a_look_that_met_a_busy_service_is_taken_again_before_anything_is_repeated(world, runner):
    sent, in_the_end = runner.run(looked_in_vain(world))
    assert sent == in_the_end > 0


async def held_up_beyond_its_window(world: World) -> list[Any]:
    held = {
        "operation": "customers.subscriptions.update",
        "kind": "throttled",
        "count": 1,
        "retry_after": 3600,
    }
    await world.control("POST", "/faults", held)
    operation = await world.begun("/cancel", {})
    await world.once(OWNER)
    sent = len(await world.calls("customers.subscriptions.update"))
    await world.advance("P8D")
    await world.once(OWNER)
    assert len(await world.calls("customers.subscriptions.update")) == sent
    return await world.story(operation)


def test_what_was_surely_not_done_is_not_sent_again_behind_its_deadline(world, runner):
    *_, rejected = runner.run(held_up_beyond_its_window(world))
    assert (type(rejected), rejected.code) == (OperationRejected, "deadline-passed")
