"""Feed and owners over a real PostgreSQL and the simulator, in one process, where nothing runs but what a step lets run.

For property tests: whatever the order in which commands, notifications, polls, comparisons, lost answers, crashes and late values
come, one final state remains (architecture 5).
"""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import conninfo

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

BASE, RESELLER = "http://127.0.0.1:8787", "res_north"
CONTEXTS = ("provisioning", "subscriptions", "identity-sync", "pricing", "billing")
_databases = itertools.count(1)


class Silent:
    """The log of a context that says nothing."""

    def __init__(self, context: str) -> None:
        self.context = context

    async def read(self, from_offset: int, limit: int) -> LogPage:
        """Nothing."""
        del limit
        return LogPage(records=[], next_offset=from_offset)

    async def read_stream(self, stream: str, after_version: int, limit: int) -> list[Any]:
        """Nothing."""
        del stream, after_version, limit
        return []


@dataclass
class Stage:
    """Microsoft, the feed, and the owners; nothing runs but what a step lets run.

    `Any` is what a step takes hold of without being meant to: parts of services, the simulator's inside.
    """

    owners: Sequence[Any]  # service modules
    microsoft: Any
    http: httpx.AsyncClient
    clock: SimulatorClock
    platform: Platform
    client: Any
    partner: dict[str, Any]
    issuer: DevelopmentIssuer
    peers: LocalPeers
    logs: dict[str, Any]
    services: dict[str, Service] = field(default_factory=dict)
    keys: Iterator[int] = field(default_factory=itertools.count)

    @property
    def feed(self) -> Service:
        """The feed."""
        return self.services[feed_service.NAME]

    async def begin(self) -> None:
        """Services as after a start."""
        settings = PartnerFeedSettings(registers_webhook=False, audit_poll_seconds=0.1)
        built = [feed_service.build(self.platform, self.client, settings)]
        built += [owner.build(self.platform, self.client) for owner in self.owners]
        for service in built:
            self.services[service.name] = service
            self.logs[service.name] = service.log
            self.peers.add(service)
            for database in service.databases:
                await database.open()
        assert self.feed.start is not None
        await self.feed.start()
        self.microsoft.deliverer._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.feed.app))

    async def end(self) -> None:
        """All services stop where they are."""
        for service in self.services.values():
            for database in service.databases:
                await database.close()
            if service.store is not None:
                service.store.close()

    async def restart(self) -> None:
        """Everything that was only in memory is gone."""
        await self.end()
        await self.begin()

    # Microsoft's side.

    async def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call the simulator's control API."""
        return await self.http.request(method, f"{BASE}/_control{path}", json=body)

    async def act(self, action: str, who: str = "portal_user", **arguments: Any) -> httpx.Response:
        """Have somebody else act at Microsoft."""
        body = {"as": who, "tenant_id": self.partner["tenant_id"], "action": action, **arguments}
        return await self.control("POST", "/act", body)

    async def lose_answer(self, operation: str) -> None:
        """The next call of an operation is done, and its answer lost."""
        fault = {"operation": operation, "kind": "timeout_after", "count": 1, "delay_seconds": 0}
        await self.control("POST", "/faults", fault)

    async def advance(self, by: str) -> None:
        """Time passes on both sides."""
        await self.control("POST", "/clock/advance", {"by": by})
        now = (await self.control("GET", "/clock")).json()["now"]
        self.clock.move_to(datetime.fromisoformat(now).astimezone(UTC))

    # Our side, a piece at a time.

    async def command(self, service: str, path: str, body: Any) -> httpx.Response:
        """Post a command to an owner as the reseller's administrator, under a key of its own."""
        token = self.issuer.issue(reseller=RESELLER, role=Role.RESELLER_ADMIN)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"key-{next(self.keys)}"}
        return await self.peers.client(service).post(f"/internal/v1{path}", json=body, headers=headers)

    def worker(self, service: str, name: str) -> Any:
        """A worker of a service."""
        return next(worker for found, worker in self.services[service].workers if found == name)

    async def work(self, service: str, passes: int = 400) -> None:
        """An owner carries its open operations out; `passes`: of 2 ms, how long to wait for all of them."""
        await self._operate(service, passes)

    async def once(self, service: str) -> None:
        """An owner carries each open operation out as far as it comes at once, and no call of it is cut off."""
        await self._make_due(service)
        await self.worker(service, "operations").step()

    async def crash(self, service: str) -> None:
        """An owner dies on the way; its claims run out, and it starts again."""
        await self._operate(service, passes=8)
        await self.restart()

    async def _make_due(self, service: str) -> None:
        async with self.services[service].databases[0].connection() as connection:
            await connection.execute(
                "update open_operations set claimed_until = null, due_at = least(due_at, now())"
            )

    async def _operate(self, service: str, passes: int) -> None:
        await self._make_due(service)
        running = asyncio.create_task(self.worker(service, "operations").run())
        for _ in range(passes):
            await asyncio.sleep(0.002)
            if passes > 50 and not await self.open_operations(service):
                break
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    async def open_operations(self, service: str) -> int:
        """How many operations of an owner are not settled."""
        async with self.services[service].databases[0].connection() as connection:
            row = await (await connection.execute("select count(*) as n from open_operations")).fetchone()
        return int(row["n"]) if row else 0

    async def hear(self) -> None:
        """Notifications are understood."""
        await self.worker(feed_service.NAME, "inbox").step()

    async def read(self) -> None:
        """What was wished for is read, one customer's."""
        await self.worker(feed_service.NAME, "reader-0").step()

    async def read_all(self) -> None:
        """Everything that was wished for is read."""
        while await self.worker(feed_service.NAME, "reader-0").step():
            pass

    async def poll(self) -> None:
        """The activity log is read."""
        await self.worker(feed_service.NAME, "audit").step()

    async def compare(self, microsoft_tenant_id: str) -> None:
        """A customer is read in full."""
        async with self.feed.databases[0].connection() as connection:
            await connection.execute(
                "update tenants set compare_at = %s, compare_channel = 'comparison', compare_claimed_until = null "
                "where reseller_id = %s and microsoft_tenant_id = %s",
                [self.clock.now(), RESELLER, microsoft_tenant_id],
            )
        while await self.worker(feed_service.NAME, "synchroniser").step():
            pass

    async def rereads(self, service: str) -> None:
        """An owner asks for the readings that did not count."""
        await self.worker(service, "rereads").step()

    async def own(self) -> None:
        """The owners' events reach the feed."""
        await self.deliver(feed_service.NAME, "partner-feed.own-changes")

    async def deliver(self, service: str, consumer: str | None = None, limit: int = 500) -> None:
        """So many events reach a consumer of a service (`limit` of 500: all), or all of its consumers."""
        for each in self.services[service].consumers:
            if consumer is None or each.name == consumer:
                while await self._consume(each, limit) and limit >= 500:
                    pass

    async def _consume(self, consumer: Any, limit: int) -> bool:
        found = False
        async with self.platform.feed.open(
            consumer.name,
            consumer.handler.contexts,
            consumer._position_of,
        ) as reader:
            while (batch := await reader._read(limit)) is not None:  # type: ignore[attr-defined]
                await consumer.apply(batch)
                found = found or bool(batch.records)
                if limit < 500:
                    return True
        assert not consumer.parked.known
        return found


async def set_up(
    stage: Callable[..., Any],
    server: str,
    folder: Path,
    owners: Sequence[Any],
    stack: contextlib.AsyncExitStack,
) -> Any:
    """A stage of that class in a database of its own, its services begun, the reseller known."""
    name = f"stage_{os.getpid()}_{next(_databases)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    stack.callback(_drop, server, name)
    url = conninfo.make_conninfo(server, dbname=name)
    migrate(url, MICROSOFT, ["csp_partner_center"])
    for each in (feed_service, *owners):
        migrate(url, each.SCHEMA, each.PACKAGES)
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
        PartnerCenterSettings(cloud=simulator(BASE), first_rate=100_000, highest_rate=100_000, first_backoff=0.01, breaker_pause=0.05),
        database, clock, box, http=http,
    )  # fmt: skip
    logs: dict[str, Any] = {context: Silent(context) for context in CONTEXTS}
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
    made = stage(
        owners=owners, microsoft=microsoft, http=http, clock=clock, platform=platform, client=client, partner=partner,
        issuer=issuer, peers=peers, logs=logs,
    )  # fmt: skip
    await client.save_credentials(
        Credentials(
            reseller_id=RESELLER,
            microsoft_tenant_id=partner["tenant_id"],
            client_id=partner["client_id"],
            proof=ClientSecret(secret=Secret(partner["client_secret"])),
            refresh_token=Secret(partner["refresh_token"]),
        )
    )
    await made.begin()
    stack.push_async_callback(made.end)
    return made


def _drop(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)".encode())


class Budget:
    """Minutes for an exploration: `CSP_PROPERTY_MINUTES`, or what the test says. Cases that come later are not begun."""

    def __init__(self, minutes: float) -> None:
        self._until = time.monotonic() + 60 * float(os.environ.get("CSP_PROPERTY_MINUTES", minutes))
        self.cases = 0

    def begins(self) -> bool:
        """Whether one more case may begin; counts it."""
        if self.is_over:
            return False
        self.cases += 1
        return True

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._until
