"""Tenants that come, leave and come back, made here or there: in any order with lost answers, crashes and late values, each is
known once, is ours exactly while Microsoft says so, and no tenant is made twice (architecture 5)."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st

from csp_contracts.ids import Kind, named_id
from csp_contracts.provisioning_v1 import TenantCreated, TenantDiscovered, TenantOffboarded
from csp_provisioning import service as provisioning
from csp_testing.exploring import Exploration, Explored
from csp_testing.interleaving import RESELLER

OWNER = "provisioning"
SLOTS = ("one", "two")
slots = st.sampled_from(SLOTS)
MACHINES = ["settle_open", "die", "list", "read", "poll", "hear", "own", "ask_again", "restart", "lose"]
STEPS = st.one_of(
    st.tuples(st.just("there"), st.sampled_from(["create", "leave", "leave", "come_back"]), slots),
    st.tuples(st.just("ours"), slots),
    st.tuples(st.just("look"), slots),
    st.tuples(st.just("advance"), st.sampled_from(["PT20S", "PT2M", "PT16M", "PT3H"])),
    st.tuples(st.just("some"), st.integers(min_value=1, max_value=3)),
    st.tuples(st.sampled_from(MACHINES)),
    st.tuples(st.sampled_from(["settle_open", "list"])),
)
ADDRESS = {"line1": "1 Main St", "city": "Seattle", "state": "WA", "postal_code": "98101", "country": "US"}
CONTACT = {"first_name": "Ruth", "last_name": "Frost", "email": "ruth@any.example"}


@dataclass
class Tenants(Explored):
    """A partner; each case has domains of its own."""

    owner: ClassVar[str] = OWNER
    case: int = 0
    organisation: str = ""
    happened: Counter[tuple[str, str]] = field(default_factory=Counter)
    seen: dict[str, bool] = field(default_factory=dict)

    async def prepare(self) -> None:
        """An organisation to make tenants for; the demo's customers are known."""
        body = {"name": "Any Ltd", "address": ADDRESS, "contact": CONTACT}
        added = await self.command(OWNER, "/customers", body)
        assert added.status_code == 201, added.text
        self.organisation = added.json()["id"]
        await self.poll()
        await self.list()
        await self.deliver(OWNER)

    def begin_case(self) -> None:
        self.case += 1
        self.happened.clear()
        self.seen = {}

    def domain_of(self, slot: str) -> str:
        return f"any{slot}{self.case}.onmicrosoft.com"

    # What is true at Microsoft, and what happened there.

    def customers(self) -> dict[str, Any]:
        mine = {self.domain_of(slot) for slot in SLOTS}
        return {one.id: one for one in self.microsoft.world.customers if one.domain in mine}

    def truth(self) -> dict[str, bool]:
        """Microsoft's id → whether it is ours."""
        return {
            one.id: one.relation(self.partner["tenant_id"]) is not None for one in self.customers().values()
        }

    def watch(self) -> None:
        now = self.truth()
        for tenant, is_ours in now.items():
            if is_ours and not self.seen.get(tenant, False):
                self.happened[tenant, "came"] += 1
            if not is_ours and self.seen.get(tenant, False):
                self.happened[tenant, "left"] += 1
        self.seen = now

    def known(self, slot: str) -> str | None:
        return next((one.id for one in self.customers().values() if one.domain == self.domain_of(slot)), None)

    # What people do.

    async def there(self, action: str, slot: str) -> None:
        tenant = self.known(slot)
        if action == "create":
            await self.act(
                "create_customer", company_name="Any There", domain=self.domain_of(slot), country="US"
            )
        elif action == "leave" and tenant is not None:
            await self.act("remove_relationship", customer_id=tenant)
        elif action == "come_back" and tenant is not None:
            await self.act("accept_relationship", company_name="Any There", domain=self.domain_of(slot))

    async def ours(self, slot: str) -> None:
        body = {"domain": self.domain_of(slot), "agreement_accepted": True}
        answer = await self.command(OWNER, f"/customers/{self.organisation}/tenants", body)
        assert answer.status_code in (202, 404, 409, 422), answer.text

    # What the services do, a piece at a time.

    async def lose(self) -> None:
        await self.lose_answer("customers.create")

    async def list(self) -> None:
        """The customers are listed, as if it were time, and new ones read."""
        lister = self.worker("partner-feed", "lister")
        lister._next.clear()
        await lister.step()
        while await self.worker("partner-feed", "synchroniser").step():
            pass

    async def look(self, slot: str) -> None:
        tenant = self.known(slot)
        if tenant is not None:
            await self.compare(tenant)

    async def learn(self) -> None:
        for step in (self.poll, self.hear, self.list, self.own, self.ask_again, self.read_all):
            await step()
        await self.some(500)

    async def history(self, microsoft_id: str) -> Any:
        return await self.services[OWNER].store.load(named_id(Kind.TENANT, RESELLER, microsoft_id))


def check(tenants: Tenants, run: Any, steps: list[tuple[Any, ...]]) -> int:
    tenants.begin_case()
    for step in steps:
        run(tenants.step(*step))
    run(tenants.settle())
    assert not run(tenants.open_operations(OWNER))
    domains = Counter(one.domain for one in tenants.customers().values())
    assert not domains or max(domains.values()) == 1
    facts = 0
    for microsoft_id, is_ours in tenants.truth().items():
        told = [
            "left" if isinstance(event.data, TenantOffboarded) else "came"
            for event in run(tenants.history(microsoft_id))
            if isinstance(event.data, TenantCreated | TenantDiscovered | TenantOffboarded)
        ]
        # One that came and went between two looks was never seen.
        assert (bool(told) and told[-1] == "came") == is_ours
        assert all(one != other for one, other in pairwise(told)), told
        # Looks may miss what was undone between them; they never tell what did not happen.
        assert not Counter((microsoft_id, one) for one in told) - tenants.happened
        facts += len(told)
    return facts


EXPLORATION = Exploration(
    stage=Tenants, owners=[provisioning], steps=STEPS, shortest=6, judge=check, least=1 / 2
)


@pytest.mark.parametrize("latency", ["fast", "realistic"])
def test_any_order_knows_each_tenant_once_and_while_it_is_ours(postgres_server, tmp_path, runner, latency):
    EXPLORATION.quick(postgres_server, tmp_path, runner, latency, cases=20, longest=20)


def test_a_tenant_of_ours_that_left_before_the_feed_heard_of_it_is_not_ours(
    postgres_server, tmp_path, runner
):
    with EXPLORATION.world(postgres_server, tmp_path, runner, "fast") as tenants:
        check(tenants, runner.run, [("ours", "one"), ("settle_open",), ("there", "leave", "one")])
        (tenant,) = tenants.truth()
        told = [event.data for event in runner.run(tenants.history(tenant))]
        assert isinstance(told[0], TenantCreated)
        assert isinstance(told[-1], TenantOffboarded)


@pytest.mark.slow  # eight minutes each: hundreds of stories, another set each time, a new world for every forty
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("latency", ["fast", "realistic"])
def test_hundreds_of_orders_know_each_tenant_once(
    postgres_server, tmp_path, runner, latency, record_property
):
    record_property("cases", EXPLORATION.wide(postgres_server, tmp_path, runner, latency))
