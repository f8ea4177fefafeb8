"""Users and licences, two-way: whatever the order in which commands, the customer's own admin, directory rounds, polls, comparisons,
lost answers, crashes and late values come, the books end as Microsoft has it, and nothing is told twice (architecture 5)."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from csp_contracts.identity_sync_v1 import (
    LicenseAssigned,
    LicenseUnassigned,
    UserCreated,
    UserDeleted,
    UserRestored,
)
from csp_contracts.ids import Kind, named_id
from csp_contracts.operations_v1 import OperationPostponed, OperationRejected, OperationSucceeded
from csp_identity_sync import service as identity
from csp_partner_center_simulator.state.subscriptions import Shadow
from csp_provisioning import service as provisioning
from csp_subscriptions import service as subscriptions
from csp_testing.exploring import Exploration, Explored
from csp_testing.interleaving import RESELLER

ITEM, OWNER = "CFQ7TTC0LH18:0001", "identity-sync"
WHO = st.sampled_from(["portal_user", "customer_admin"])
NAMES = ("ann", "bob")
slots = st.sampled_from(NAMES)
THERE = st.tuples(
    st.just("there"),
    WHO,
    st.sampled_from(["create", "delete", "assign", "assign", "remove", "rename"]),
    slots,
)
OURS = st.tuples(
    st.just("ours"), st.sampled_from(["create", "delete", "assign", "assign", "remove", "restore"]), slots
)
LOST = st.sampled_from(["users.licenseupdates.create", "customers.users.create", "customers.users.delete"])
MACHINES = ["settle_open", "die", "follow", "read", "poll", "look", "own", "ask_again", "restart"]
STEPS = st.one_of(
    THERE,
    OURS,
    OURS,
    st.tuples(st.just("advance"), st.sampled_from(["PT20S", "PT2M", "PT16M", "PT3H"])),
    st.tuples(st.just("some"), st.integers(min_value=1, max_value=3)),
    st.tuples(st.just("lose"), LOST),
    st.tuples(st.sampled_from(MACHINES)),
    st.tuples(st.sampled_from(["settle_open", "follow"])),
)


@dataclass
class People(Explored):
    """A customer with one subscription of enough seats; each case has users of its own names."""

    owner: ClassVar[str] = OWNER
    customer: str = ""
    sku: str = ""
    bought: str = ""
    case: int = 0
    happened: Counter[tuple[str, ...]] = field(default_factory=Counter)
    seen: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)

    async def prepare(self) -> None:
        """A customer, known to all, with seats of one SKU."""
        await self.poll()
        made = await self.act("create_customer", company_name="Any People", domain="anypeople", country="US")
        self.customer = made.json()["customer_id"].lower()
        bought = await self.act(
            "buy",
            customer_id=self.customer,
            catalog_item_id=ITEM,
            quantity=50,
            term="P1Y",
            billing_cycle="monthly",
        )
        self.bought = bought.json()["subscription_id"].lower()
        await self.worker("partner-feed", "lister").step()
        for _ in range(2):
            await self.advance("PT1H")
            await self.look()
            for owner in ("provisioning", "subscriptions", OWNER):
                await self.deliver(owner)
            await self.own()
        partner = self.client.as_reseller(RESELLER)
        self.sku = (await partner.subscriptions.provisioning(self.customer, self.bought)).value.sku_id.lower()

    @property
    def subscription(self) -> str:
        return named_id(Kind.SUBSCRIPTION, RESELLER, self.bought)

    async def begin_case(self) -> None:
        """Users of its own: one that is known to both sides, one that is only there."""
        self.case += 1
        self.happened.clear()
        self.seen = self.truth()
        for slot in NAMES:
            await self.there("customer_admin", "create", slot)
            if slot == "ann":
                await self.advance("PT20M")
                await self.follow()
                await self.some(500)
        self.watch()

    def name_of(self, slot: str) -> str:
        return f"{slot}{self.case}@anypeople.onmicrosoft.com"

    # What is true at Microsoft, and what happened there.

    def users(self) -> dict[str, Any]:
        rows = [
            one
            for one in self.microsoft.world.users
            if one.customer_id == self.customer and one.purged_at is None
        ]
        mine = {self.name_of(slot) for slot in NAMES}
        return {one.id: one for one in rows if one.user_principal_name.lower() in mine}

    def truth(self) -> dict[str, tuple[str, frozenset[str]]]:
        return {
            user.id: (
                "active" if user.active else "deleted",
                frozenset(sku.lower() for sku, _ in user.licenses),
            )
            for user in self.users().values()
        }

    def watch(self) -> None:
        """Count what has happened since the last look; a step changes a user once at most."""
        now = self.truth()
        for user, (status, held) in now.items():
            before, had = self.seen.get(user, ("", frozenset()))
            if before == "":
                self.happened[user, "created"] += 1
            if before == "active" and status == "deleted":
                self.happened[user, "deleted"] += 1
            if before == "deleted" and status == "active":
                self.happened[user, "restored"] += 1
            for sku in held - had:
                self.happened[user, "assigned", sku] += 1
            for sku in had - held:
                self.happened[user, "unassigned", sku] += 1
        self.seen = now

    def known(self, slot: str, *, active: bool) -> str | None:
        name = self.name_of(slot)
        found = [
            one
            for one in self.users().values()
            if one.user_principal_name.lower() == name and one.active is active
        ]
        return found[-1].id if found else None

    # What people do.

    async def there(self, who: str, action: str, slot: str) -> None:
        user = self.known(slot, active=True)
        if action == "create":
            await self.act(
                "create_user", who, customer_id=self.customer, user_principal_name=self.name_of(slot),
                display_name=f"{slot.title()} Case", usage_location="US",
            )  # fmt: skip
        elif user is not None:
            more: dict[str, Any] = {"sku_id": self.sku} if action in ("assign", "remove") else {}
            if action == "rename":
                more = {"changes": {"display_name": f"{slot.title()} Again"}}
            verb = {
                "assign": "assign_license",
                "remove": "remove_license",
                "rename": "update_user",
                "delete": "delete_user",
            }
            await self.act(verb[action], who, customer_id=self.customer, user_id=user, **more)

    async def ours(self, action: str, slot: str) -> None:
        if action == "create":
            tenant = named_id(Kind.TENANT, RESELLER, self.customer)
            form = {
                "user_name": self.name_of(slot).partition("@")[0], "first_name": slot.title(), "last_name": "Case",
                "usage_location": "US", "password_mode": "specify", "password": "Zx9!qwertyUU",
            }  # fmt: skip
            path, body = f"/tenants/{tenant}/users", form
        else:
            microsoft_id = self.known(slot, active=action != "restore")
            if microsoft_id is None:
                return
            user = named_id(Kind.USER, RESELLER, microsoft_id)
            verb = {"assign": "assign-licence", "remove": "unassign-licence"}.get(action, action)
            path = f"/users/{user}/{verb}"
            body = {"subscription_id": self.subscription} if action in ("assign", "remove") else None
        answer = await self.command(OWNER, path, body)
        assert answer.status_code in (202, 404, 409, 422), answer.text

    # What the services do, a piece at a time.

    async def lose(self, operation: str) -> None:
        await self.lose_answer(operation)

    async def look(self) -> None:
        await self.compare(self.customer)

    async def follow(self) -> None:
        """The directory is asked for its changes."""
        async with self.feed.databases[0].connection() as connection:
            await connection.execute(
                "update tenants set delta_at = %s, delta_claimed_until = null where reseller_id = %s and microsoft_tenant_id = %s",
                [self.clock.now(), RESELLER, self.customer],
            )
        while await self.worker("partner-feed", "directory").step():
            pass

    async def some(self, limit: int) -> None:
        await super().some(limit)
        await self.worker(OWNER, "names").step()

    async def learn(self) -> None:
        for step in (self.poll, self.follow, self.look, self.own, self.ask_again, self.read_all):
            await step()
        await self.some(500)

    async def history(self, microsoft_id: str) -> list[Any]:
        return await self.services[OWNER].store.load(named_id(Kind.USER, RESELLER, microsoft_id))


def books(history: list[Any]) -> tuple[str, frozenset[str]]:
    """What the events of a user say in the end."""
    status, held = "", set()
    for event in history:
        match event.data:
            case UserCreated() | UserRestored():
                status = "active"
            case UserDeleted():
                status, held = "deleted", set()
            case LicenseAssigned(sku_id=sku):
                assert sku not in held, "assigned twice"
                held.add(sku)
            case LicenseUnassigned(sku_id=sku):
                assert sku in held, "taken twice"
                held.remove(sku)
    return status, frozenset(held)


def told(microsoft_id: str, history: list[Any]) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for event in history:
        match event.data:
            case UserCreated():
                found[microsoft_id, "created"] += 1
            case UserDeleted():
                found[microsoft_id, "deleted"] += 1
            case UserRestored():
                found[microsoft_id, "restored"] += 1
            case LicenseAssigned(sku_id=sku):
                found[microsoft_id, "assigned", sku] += 1
            case LicenseUnassigned(sku_id=sku):
                found[microsoft_id, "unassigned", sku] += 1
    return found


def check(people: People, run: Any, steps: list[tuple[Any, ...]]) -> int:
    run(people.begin_case())
    for step in steps:
        run(people.step(*step))
    run(people.settle())
    assert not run(people.open_operations(OWNER))
    facts = 0
    for microsoft_id, (status, held) in people.truth().items():
        history = run(people.history(microsoft_id))
        if status == "deleted":
            # One that came and went between two looks was never seen.
            assert not history or books(history) == ("deleted", frozenset())
        else:
            assert books(history) == (status, held)
        # Looks may miss what was undone between them; they never tell what did not happen.
        assert not told(microsoft_id, history) - people.happened
        facts += len(history)
    return facts


# Two users are made in each case, and the orders did something to them.
EXPLORATION = Exploration(
    stage=People,
    owners=[provisioning, subscriptions, identity],
    steps=STEPS,
    shortest=8,
    judge=check,
    least=2,
)


async def assigned_without_a_seat(people: People, *, are_to_come: bool) -> list[list[Any]]:
    """What an assignment tells that finds no seat, at first and a quarter of an hour later."""
    await people.begin_case()
    world = people.microsoft.world
    bought = world.subscriptions[people.bought]
    if are_to_come:
        late = Shadow(
            id=f"directory/{bought.id}",
            before=replace(bought, quantity=0),
            until=world.now + timedelta(minutes=14),
        )
        world.shadows.put(late)
    else:
        world.subscriptions.put(replace(bought, quantity=0))
    user = named_id(Kind.USER, RESELLER, people.known("ann", active=True) or "")
    answer = await people.command(
        OWNER, f"/users/{user}/assign-licence", {"subscription_id": people.subscription}
    )
    operation = answer.json()["operation_id"]
    stories = []
    for _ in range(2):
        await people.once(OWNER)
        stories.append([event.data for event in await people.services[OWNER].store.load(operation)])
        await people.advance("PT16M")
    return stories


@pytest.mark.parametrize(
    ("are_to_come", "told"),
    [(True, (OperationPostponed, OperationSucceeded)), (False, (OperationRejected, OperationRejected))],
)
def test_a_licence_waits_for_seats_that_the_directory_does_not_have_yet(
    postgres_server, tmp_path, runner, are_to_come, told
):
    with EXPLORATION.world(postgres_server, tmp_path, runner, "fast") as people:
        first, second = runner.run(assigned_without_a_seat(people, are_to_come=are_to_come))
    assert (type(first[-1]), type(second[-1])) == told
    assert (first[-1].because if are_to_come else first[-1].code) == (
        "seats-not-provisioned" if are_to_come else "no-free-seats"
    )


async def created_after_a_conflict(people: People) -> tuple[list[Any], list[Any]]:
    await people.begin_case()
    await people.control(
        "POST", "/faults", {"operation": "customers.users.create", "kind": "conflict", "count": 1}
    )
    tenant = named_id(Kind.TENANT, RESELLER, people.customer)
    form = {
        "user_name": "late", "first_name": "Late", "last_name": "Case", "usage_location": "US",
        "password_mode": "specify", "password": "Zx9!qwertyUU",
    }  # fmt: skip
    operation = (await people.command(OWNER, f"/tenants/{tenant}/users", form)).json()["operation_id"]
    for _ in range(4):
        await people.once(OWNER)
        await people.advance("PT20M")
    calls = (await people.control("GET", "/requests?operation=customers.users.create")).json()
    return [event.data for event in await people.services[OWNER].store.load(operation)], calls


def test_what_could_not_be_created_yet_is_looked_for_and_then_asked_anew(postgres_server, tmp_path, runner):
    """The first answer was a conflict; the second request has an id of its own (PC 2.7)."""
    with EXPLORATION.world(postgres_server, tmp_path, runner, "fast") as people:
        story, calls = runner.run(created_after_a_conflict(people))
    assert isinstance(story[-1], OperationSucceeded)
    conflict, done = sorted((each for each in calls), key=lambda each: each["at"])[-2:]
    assert (conflict["status"], done["status"]) == (409, 200)
    assert conflict["request_id"] != done["request_id"]


@pytest.mark.parametrize("latency", ["fast", "realistic"])
def test_any_order_ends_as_microsoft_has_it_and_nothing_is_told_twice(
    postgres_server, tmp_path, runner, latency
):
    EXPLORATION.quick(postgres_server, tmp_path, runner, latency, cases=20, longest=24)


@pytest.mark.slow  # eight minutes each: hundreds of stories, another set each time, a new world for every forty
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("latency", ["fast", "realistic"])
def test_hundreds_of_orders_end_as_microsoft_has_it(
    postgres_server, tmp_path, runner, latency, record_property
):
    record_property("cases", EXPLORATION.wide(postgres_server, tmp_path, runner, latency))
