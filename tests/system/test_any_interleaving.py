"""Feed and owner together over a real PostgreSQL: whatever the order in which commands, notifications, polls, comparisons, lost
answers, crashes and late values come, one final state remains, and each fact is there once (architecture 5)."""

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from csp_contracts.ids import Kind, named_id
from csp_contracts.subscriptions_v1 import QuantityChanged, SubscriptionSuspended
from csp_partner_center import SCHEMA as MICROSOFT
from csp_partner_center import ClientSecret, Credentials, PartnerCenterSettings, Secret, connect, simulator
from csp_partner_center_simulator.embed import build as build_simulator
from csp_partner_feed import service as feed_service
from csp_partner_feed.settings import PartnerFeedSettings
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import SimulatorClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.host import LocalPeers
from csp_runtime.log_feed import LogFeed
from csp_runtime.migrate import migrate
from csp_runtime.operations.approvals import ApprovalsNotNeeded
from csp_runtime.platform import Platform, Service
from csp_runtime.public_log import LogPage
from csp_runtime.scope import Role
from csp_runtime.secret_box import SecretBox, new_key
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings
from csp_runtime.wakeups import Wakeups
from csp_subscriptions import service as owner_service
from csp_subscriptions.domain.observed import status_of
from csp_subscriptions.domain.subscription import fold

BASE, RESELLER, ITEM = "http://127.0.0.1:8787", "res_north", "CFQ7TTC0LH18:0001"

seats = st.integers(min_value=3, max_value=9)
STEPS = st.one_of(
    st.tuples(st.just("portal"), seats),
    st.tuples(st.just("command"), seats),
    st.tuples(st.just("renewal"), st.booleans()),
    st.tuples(st.just("advance"), st.sampled_from(["PT1M", "PT10M", "PT16M", "PT3H"])),
    st.tuples(st.just("deliver"), st.integers(min_value=1, max_value=3)),
    st.tuples(
        st.sampled_from(
            [
                "suspend", "reactivate", "work", "crash", "lose_answer", "hear", "read", "poll", "compare", "own", "rereads",
                "restart",
            ]
        )
    ),
)  # fmt: skip


class Silent:
    """The log of a context that says nothing."""

    def __init__(self, context: str) -> None:
        self.context = context

    async def read(self, from_offset: int, limit: int) -> LogPage:
        del limit
        return LogPage(records=[], next_offset=from_offset)

    async def read_stream(self, stream: str, after_version: int, limit: int) -> list[Any]:
        del stream, after_version, limit
        return []


@dataclass
class World:
    """Microsoft, the feed and the owner; nothing runs but what a step lets run."""

    url: str
    microsoft: Any
    http: httpx.AsyncClient
    clock: SimulatorClock
    platform: Platform
    client: Any
    partner: dict[str, Any]
    issuer: DevelopmentIssuer
    peers: LocalPeers
    logs: dict[str, Any]
    feed: Service = field(init=False)
    owner: Service = field(init=False)
    keys: Any = field(default_factory=count)
    facts: Counter[str] = field(default_factory=Counter)
    customer: str = ""
    bought: str = ""

    async def begin(self) -> None:
        """Services as after a start."""
        settings = PartnerFeedSettings(registers_webhook=False, audit_poll_seconds=0.1)
        self.feed = feed_service.build(self.platform, self.client, settings)
        self.owner = owner_service.build(self.platform, self.client)
        for built in (self.feed, self.owner):
            self.logs[built.name] = built.log
            self.peers.add(built)
            for database in built.databases:
                await database.open()
        assert self.feed.start is not None
        await self.feed.start()
        hooks = httpx.AsyncClient(transport=httpx.ASGITransport(self.feed.app))
        self.microsoft.deliverer._client = hooks

    async def end(self) -> None:
        for built in (self.feed, self.owner):
            for database in built.databases:
                await database.close()
            built.store.close()

    async def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, f"{BASE}/_control{path}", json=body)

    async def act(self, action: str, **arguments: Any) -> httpx.Response:
        body = {
            "as": "portal_user", "tenant_id": self.partner["tenant_id"], "action": action, "customer_id": self.customer,
            **arguments,
        }  # fmt: skip
        return await self.control("POST", "/act", body)

    def worker(self, service: Service, name: str) -> Any:
        return next(worker for found, worker in service.workers if found == name)

    @property
    def subscription(self) -> str:
        return named_id(Kind.SUBSCRIPTION, RESELLER, self.bought)

    async def step(self, name: str, *values: Any) -> None:
        await getattr(self, name)(*values)

    # What people and machines do.

    async def portal(self, quantity: int) -> None:
        if (await self.true_state())["quantity"] != quantity:
            await self.act("change_quantity", subscription_id=self.bought, quantity=quantity)

    async def suspend(self) -> None:
        if (await self.true_state())["status"] == "active":
            await self.act("suspend", subscription_id=self.bought)

    async def reactivate(self) -> None:
        await self.act("reactivate", subscription_id=self.bought)

    async def renewal(self, enabled: bool) -> None:
        await self.act("set_auto_renew", subscription_id=self.bought, enabled=enabled)

    async def command(self, quantity: int) -> None:
        token = self.issuer.issue(reseller=RESELLER, role=Role.RESELLER_ADMIN)
        answer = await self.peers.client("subscriptions").post(
            f"/internal/v1/subscriptions/{self.subscription}/change-quantity",
            json={"quantity": quantity},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"key-{next(self.keys)}"},
        )
        assert answer.status_code in (202, 404, 409, 422), answer.text

    # What the services do, a piece at a time.

    async def work(self) -> None:
        """The owner carries its open operations out."""
        await self._operate(passes=400)

    async def crash(self) -> None:
        """The owner dies on the way; its claims run out, and it starts again."""
        await self._operate(passes=8)
        await self.restart()

    async def _operate(self, passes: int) -> None:
        database = self.owner.databases[0]
        async with database.connection() as connection:
            await connection.execute(
                "update open_operations set claimed_until = null, due_at = least(due_at, now())"
            )
        running = asyncio.create_task(self.worker(self.owner, "operations").run())
        for _ in range(passes):
            await asyncio.sleep(0.002)
            if passes > 50 and not await self._open_operations():
                break
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    async def _open_operations(self) -> int:
        async with self.owner.databases[0].connection() as connection:
            row = await (await connection.execute("select count(*) as n from open_operations")).fetchone()
        return int(row["n"]) if row else 0

    async def restart(self) -> None:
        await self.end()
        await self.begin()

    async def lose_answer(self) -> None:
        fault = {
            "operation": "customers.subscriptions.update", "kind": "timeout_after", "count": 1, "delay_seconds": 0,
        }  # fmt: skip
        await self.control("POST", "/faults", fault)

    async def hear(self) -> None:
        await self.worker(self.feed, "inbox").step()

    async def read(self) -> None:
        await self.worker(self.feed, "reader-0").step()

    async def poll(self) -> None:
        await self.worker(self.feed, "audit").step()

    async def compare(self) -> None:
        async with self.feed.databases[0].connection() as connection:
            await connection.execute(
                "update tenants set compare_at = %s, compare_channel = 'comparison', compare_claimed_until = null "
                "where microsoft_tenant_id = %s",
                [self.clock.now(), self.customer],
            )
        while await self.worker(self.feed, "synchroniser").step():
            pass

    async def rereads(self) -> None:
        await self.worker(self.owner, "rereads").step()

    async def deliver(self, limit: int) -> None:
        """So many of the feed's events reach the owner."""
        await self._consume(self.owner, "subscriptions.observations", limit)

    async def own(self) -> None:
        """The owner's events reach the feed."""
        while await self._consume(self.feed, "partner-feed.own-changes", 500):
            pass

    async def _consume(self, service: Service, name: str, limit: int) -> bool:
        consumer = next(each for each in service.consumers if each.name == name)
        found = False
        async with self.platform.feed.open(name, consumer.handler.contexts, consumer._position_of) as reader:
            while (batch := await reader._read(limit)) is not None:
                await consumer.apply(batch)
                found = found or bool(batch.records)
                if limit < 500:
                    return True
        assert not consumer.health.parked
        return found

    async def advance(self, by: str) -> None:
        await self.control("POST", "/clock/advance", {"by": by})
        self.clock.move_to(
            datetime.fromisoformat((await self.control("GET", "/clock")).json()["now"]).astimezone(UTC)
        )

    async def true_state(self) -> dict[str, Any]:
        partner = self.client.as_reseller(RESELLER)
        seen = (await partner.subscriptions.get(self.customer, self.bought)).value
        return {
            "quantity": seen.quantity,
            "status": str(seen.status.value).lower(),
            "auto_renew": seen.auto_renew_enabled,
        }

    async def buy(self) -> None:
        """A subscription of this example's own, known on both sides."""
        await self.control("DELETE", "/faults")
        answer = await self.act("buy", catalog_item_id=ITEM, quantity=5, term="P1Y", billing_cycle="monthly")
        assert answer.is_success, answer.text
        self.bought = answer.json()["subscription_id"].lower()
        for _ in range(3):  # its order is listed within a quarter of an hour
            await self.advance("PT16M")
            await self.compare()
            await self.deliver(500)
            await self.own()
        assert fold(await self.owner.store.load(self.subscription)) is not None

    async def settle(self) -> None:
        """Let everything come to rest: notifications take two days at most, records six hours."""
        await self.control("DELETE", "/faults")
        for _ in range(5):
            await self.advance("PT13H")
            await self.work()
            for step in (self.poll, self.hear, self.compare, self.own, self.rereads, self.hear):
                await step()
            await self.deliver(500)
            while await self.worker(self.feed, "reader-0").step():
                pass
            await self.deliver(500)
            await self.own()

    async def leave(self) -> None:
        """The seats of this example are given back."""
        await self.act("reactivate", subscription_id=self.bought)
        await self.act("set_auto_renew", subscription_id=self.bought, enabled=True)
        await self.act("cancel", subscription_id=self.bought)


async def _world(url: str, folder: Any, stack: contextlib.AsyncExitStack) -> World:
    for schema, packages in (
        (MICROSOFT, ["csp_partner_center"]),
        (feed_service.SCHEMA, feed_service.PACKAGES),
        (owner_service.SCHEMA, owner_service.PACKAGES),
    ):
        migrate(url, schema, packages)
    microsoft = build_simulator(data=None, world="demo", base_url=BASE)
    await microsoft.start()
    stack.push_async_callback(microsoft.stop)
    transport = httpx.ASGITransport(microsoft.app)
    http = await stack.enter_async_context(httpx.AsyncClient(transport=transport))
    clock = await SimulatorClock.connect(BASE, http)
    partner = (await http.get(f"{BASE}/_control/partners")).json()[0]
    database = await stack.enter_async_context(Database(url, MICROSOFT, DatabaseRole.WORKER))
    box, issuer, wakeups, peers = (
        SecretBox.from_text(new_key()),
        DevelopmentIssuer(folder),
        Wakeups(url),
        LocalPeers(),
    )
    client = connect(
        PartnerCenterSettings(cloud=simulator(BASE), first_rate=100_000, highest_rate=100_000, first_backoff=0.01),
        database, clock, box, http=http,
    )  # fmt: skip
    logs: dict[str, Any] = {
        name: Silent(name) for name in ("provisioning", "identity-sync", "pricing", "billing")
    }
    platform = Platform(
        settings=RuntimeSettings(database_url=url, seal_keys=new_key()),
        microsoft=MicrosoftSettings(
            cloud="simulator", base_url=BASE, visibility_minutes=15, list_delay_minutes=0
        ),
        mail_settings=MailSettings(),
        clock=clock,
        wakeups=wakeups,
        feed=LogFeed(logs, wakeups),
        verifier=issuer,
        service_tokens=issuer,
        box=box,
        mailer=None,  # type: ignore[arg-type]  # no mail is sent
        peers=peers,
        approvals=ApprovalsNotNeeded(),
        upstream=transport,
    )
    world = World(url, microsoft, http, clock, platform, client, partner, issuer, peers, logs)
    await client.save_credentials(
        Credentials(
            reseller_id=RESELLER,
            microsoft_tenant_id=partner["tenant_id"],
            client_id=partner["client_id"],
            proof=ClientSecret(secret=Secret(partner["client_secret"])),
            refresh_token=Secret(partner["refresh_token"]),
        )
    )
    await world.begin()
    stack.push_async_callback(world.end)
    await world.poll()
    made = await world.act(
        "create_customer", company_name="Any Order", domain="anyorder.onmicrosoft.com", country="US"
    )
    world.customer = made.json()["customer_id"].lower()
    await world.worker(world.feed, "lister").step()
    while await world.worker(world.feed, "synchroniser").step():
        pass
    await world.deliver(500)
    return world


@pytest.fixture
def runner():
    with asyncio.Runner() as running:
        yield running


def check(world: World, runner: asyncio.Runner, steps: list[tuple[Any, ...]]) -> None:
    runner.run(world.buy())
    for step in steps:
        runner.run(world.step(*step))
    runner.run(world.settle())
    truth = runner.run(world.true_state())
    history = runner.run(world.owner.store.load(world.subscription))
    state = fold(history)
    held = {"quantity": state.quantity, "status": str(state.status)}
    assert held == {"quantity": truth["quantity"], "status": str(status_of(truth["status"]))}
    if truth["status"] == "active":
        assert state.auto_renew == truth["auto_renew"]
    assert not runner.run(world._open_operations())
    facts = told(history)
    assert facts == happened(world)
    world.facts += facts
    runner.run(world.leave())


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


QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


def explore(
    database_url: str, folder: Any, runner: asyncio.Runner, how: settings, latency: str, longest: int = 14
) -> None:
    stack = contextlib.AsyncExitStack()
    world = runner.run(_world(database_url, folder, stack))
    try:
        runner.run(world.control("PATCH", "/profile", {"latency": latency, "requests_per_minute": 100_000}))

        @how
        @given(st.lists(STEPS, max_size=longest))
        def any_order(steps: list[tuple[Any, ...]]) -> None:
            check(world, runner, steps)

        any_order()
        # That the orders did something at all; how much depends on which ones hypothesis picked.
        assert world.facts["suspended"] > 0
        assert world.facts.total() >= how.max_examples / 5
    finally:
        runner.run(stack.aclose())


@pytest.mark.parametrize("latency", ["fast", "realistic"])
def test_any_order_ends_in_one_state_with_each_fact_once(database_url, tmp_path, runner, latency):
    explore(database_url, tmp_path, runner, QUICK, latency)


@pytest.mark.slow  # a quarter of an hour: hundreds of stories, another set each time
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("latency", ["fast", "realistic"])
def test_hundreds_of_orders_end_in_one_state_with_each_fact_once(database_url, tmp_path, runner, latency):
    wide = settings(QUICK, max_examples=400, derandomize=False)
    explore(database_url, tmp_path, runner, wide, latency, longest=40)
