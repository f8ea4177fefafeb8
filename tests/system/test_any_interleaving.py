"""Feed and owner together over a real PostgreSQL: whatever the order in which commands, notifications, polls, comparisons, lost
answers, crashes and late values come, one final state remains, and each fact is there once (architecture 5)."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st

from csp_contracts.ids import Kind, named_id
from csp_contracts.subscriptions_v1 import QuantityChanged, SubscriptionSuspended
from csp_subscriptions import service as owner_service
from csp_subscriptions.domain.observed import status_of
from csp_subscriptions.domain.subscription import fold
from csp_testing.exploring import Exploration, Explored
from csp_testing.interleaving import RESELLER

ITEM, OWNER = "CFQ7TTC0LH18:0001", "subscriptions"

seats = st.integers(min_value=3, max_value=9)
STEPS = st.one_of(
    st.tuples(st.just("portal"), seats),
    st.tuples(st.just("buy_seats"), seats),
    st.tuples(st.just("renewal"), st.booleans()),
    st.tuples(st.just("advance"), st.sampled_from(["PT1M", "PT10M", "PT16M", "PT3H"])),
    st.tuples(st.just("some"), st.integers(min_value=1, max_value=3)),
    st.tuples(
        st.sampled_from(
            [
                "suspend", "reactivate", "stop", "resume", "settle_open", "die", "lose", "hear", "read", "poll", "look", "own",
                "ask_again", "restart",
            ]
        )
    ),
)  # fmt: skip


@dataclass
class World(Explored):
    """One customer's subscription."""

    owner: ClassVar[str] = OWNER
    customer: str = ""
    bought: str = ""

    async def prepare(self) -> None:
        """A customer that is known."""
        await self.poll()
        made = await self.act(
            "create_customer", company_name="Any Order", domain="anyorder.onmicrosoft.com", country="US"
        )
        self.customer = made.json()["customer_id"].lower()
        await self.worker("partner-feed", "lister").step()
        await self.look()
        await self.deliver(OWNER, "subscriptions.observations")
        # What provisioning would have told: without it every command is a 404.
        async with self.services[OWNER].databases[0].connection() as connection:
            await connection.execute(
                "insert into tenants (tenant_id, reseller_id, customer_id, microsoft_tenant_id, country) "
                "values (%s, %s, 'cus_any', %s, 'US')",
                [named_id(Kind.TENANT, RESELLER, self.customer), RESELLER, self.customer],
            )

    @property
    def subscription(self) -> str:
        return named_id(Kind.SUBSCRIPTION, RESELLER, self.bought)

    # What people do.

    async def portal(self, quantity: int) -> None:
        if (await self.true_state())["quantity"] != quantity:
            await self.acted("change_quantity", quantity=quantity)

    async def suspend(self) -> None:
        if (await self.true_state())["status"] == "active":
            await self.acted("suspend")

    async def reactivate(self) -> None:
        await self.acted("reactivate")

    async def renewal(self, enabled: bool) -> None:
        await self.acted("set_auto_renew", enabled=enabled)

    async def acted(self, action: str, **arguments: Any) -> None:
        await self.act(action, customer_id=self.customer, subscription_id=self.bought, **arguments)

    async def buy_seats(self, quantity: int) -> None:
        await self.commanded("change-quantity", {"quantity": quantity})

    async def stop(self) -> None:
        await self.commanded("suspend", {})

    async def resume(self) -> None:
        await self.commanded("reactivate", {})

    async def commanded(self, verb: str, body: dict[str, Any]) -> None:
        answer = await self.command(OWNER, f"/subscriptions/{self.subscription}/{verb}", body)
        assert answer.status_code in (202, 409, 422), answer.text

    # What the services do, a piece at a time.

    async def lose(self) -> None:
        await self.lose_answer("customers.subscriptions.update")

    async def look(self) -> None:
        await self.compare(self.customer)

    async def true_state(self) -> dict[str, Any]:
        partner = self.client.as_reseller(RESELLER)
        seen = (await partner.subscriptions.get(self.customer, self.bought)).value
        return {
            "quantity": seen.quantity,
            "status": str(seen.status.value).lower(),
            "auto_renew": seen.auto_renew_enabled,
        }

    async def history(self) -> list[Any]:
        return await self.services[OWNER].store.load(self.subscription)

    async def buy(self) -> None:
        """A subscription of this example's own, known on both sides."""
        await self.control("DELETE", "/faults")
        answer = await self.act(
            "buy",
            customer_id=self.customer,
            catalog_item_id=ITEM,
            quantity=5,
            term="P1Y",
            billing_cycle="monthly",
        )
        assert answer.is_success, answer.text
        self.bought = answer.json()["subscription_id"].lower()
        for _ in range(3):  # its order is listed within a quarter of an hour
            await self.advance("PT16M")
            await self.look()
            await self.some(500)
            await self.own()
        assert fold(await self.history()) is not None

    async def learn(self) -> None:
        for step in (self.poll, self.hear, self.look, self.own, self.ask_again, self.hear):
            await step()
        await self.some(500)
        await self.read_all()
        await self.some(500)

    async def leave(self) -> None:
        """The seats of this example are given back."""
        await self.acted("reactivate")
        await self.acted("set_auto_renew", enabled=True)
        await self.acted("cancel")


def check(world: World, run: Any, steps: list[tuple[Any, ...]]) -> int:
    run(world.buy())
    for step in steps:
        run(world.step(*step))
    run(world.settle())
    truth = run(world.true_state())
    history = run(world.history())
    state = fold(history)
    held = {"quantity": state.quantity, "status": str(state.status)}
    assert held == {"quantity": truth["quantity"], "status": str(status_of(truth["status"]))}
    if truth["status"] == "active":
        assert state.auto_renew == truth["auto_renew"]
    assert not run(world.open_operations(OWNER))
    facts = told(history)
    assert facts == happened(world)
    run(world.leave())
    return facts.total()


def told(history) -> Counter[str]:
    """The facts that the owner wrote down."""
    return Counter(
        f"quantity {event.data.quantity}" if isinstance(event.data, QuantityChanged) else "suspended"
        for event in history
        if isinstance(event.data, QuantityChanged | SubscriptionSuspended)
    )


def happened(world: World) -> Counter[str]:
    """The facts that Microsoft's own activity log has."""
    facts: Counter[str] = Counter()
    for record in world.microsoft.world.audit:
        if record.operation_type != "update_subscription" or not record.old_value:
            continue
        before, after = (
            {key.lower(): value for key, value in json.loads(each).items()}
            for each in (record.old_value, record.new_value)
        )
        if after["id"].lower() != world.bought:
            continue
        if before["quantity"] != after["quantity"]:
            facts[f"quantity {after['quantity']}"] += 1
        if str(after["status"]).lower() == "suspended" != str(before["status"]).lower():
            facts["suspended"] += 1
    return facts


EXPLORATION = Exploration(
    stage=World, owners=[owner_service], steps=STEPS, shortest=3, judge=check, least=1 / 5
)


@pytest.mark.parametrize("latency", ["fast", "realistic"])
def test_any_order_ends_in_one_state_with_each_fact_once(postgres_server, tmp_path, runner, latency):
    EXPLORATION.quick(postgres_server, tmp_path, runner, latency, cases=25, longest=14)


# Orders that once went wrong: records that come in another order than what they tell, around a reading at the same moment.
FOUND = [
    [("portal", 3), ("portal", 4), ("look",)],
    [("portal", 3), ("look",), ("portal", 4)],
    [("portal", 3), ("look",), ("some", 3), ("portal", 4), ("look",)],
    [("portal", 3), ("look",), ("portal", 4), ("portal", 7), ("look",)],
    # A record of the second in which a command of ours was answered.
    [("some", 3), ("buy_seats", 9), ("portal", 4), ("renewal", True), ("settle_open",)],
    # Records of the second in which a command of ours was answered, in any order among themselves.
    [
        ("look",), ("advance", "PT16M"), ("portal", 6), ("buy_seats", 9), ("advance", "PT3H"), ("restart",), ("portal", 9),
        ("buy_seats", 4), ("portal", 9), ("buy_seats", 7), ("portal", 7), ("renewal", True), ("die",),
    ],
    # Around a reading, where two of the records come before the reading's own.
    [("portal", 3), ("look",), ("portal", 4), ("portal", 7)],
    # A suspension before seats that we know to be later: they are another field.
    [("portal", 7), ("suspend",), ("buy_seats", 8), ("buy_seats", 8), ("settle_open",), ("advance", "PT1M"), ("buy_seats", 7)],
    # A command whose own record came before it knew that it was done, and what others did since.
    [
        ("lose",), ("buy_seats", 3), ("die",), ("portal", 8), ("advance", "PT3H"), ("advance", "PT3H"), ("advance", "PT3H"),
        ("poll",), ("some", 3), ("some", 3), ("portal", 4), ("look",), ("some", 3),
    ],
    # A command whose answer was lost, finished a day later, and what others did in between.
    [
        ("buy_seats", 3), ("die",), ("advance", "PT16M"), ("some", 3), ("portal", 8), ("advance", "PT1M"),
        ("renewal", False), ("advance", "PT3H"), ("portal", 9), ("suspend",), ("renewal", True), ("own",), ("buy_seats", 8),
    ],
]  # fmt: skip


@pytest.mark.parametrize("seed", [2, 5])
def test_orders_that_once_went_wrong_end_well(postgres_server, tmp_path, runner, seed):
    with EXPLORATION.world(postgres_server, tmp_path, runner, "realistic", seed=seed) as world:
        for steps in FOUND:
            check(world, runner.run, steps)


def test_what_the_portal_did_before_our_command_came_through_is_one_fact(postgres_server, tmp_path, runner):
    with EXPLORATION.world(postgres_server, tmp_path, runner, "fast") as world:
        for after in (("portal", 3), ("portal", 4), ("buy_seats", 6)):
            check(world, runner.run, [("buy_seats", 3), ("portal", 3), after])


@pytest.mark.slow  # eight minutes each: hundreds of stories, another set each time, a new world for every forty
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("latency", ["fast", "realistic"])
def test_hundreds_of_orders_end_in_one_state_with_each_fact_once(
    postgres_server, tmp_path, runner, latency, record_property
):
    record_property("cases", EXPLORATION.wide(postgres_server, tmp_path, runner, latency))
