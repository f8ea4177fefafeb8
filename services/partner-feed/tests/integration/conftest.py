"""The whole feed over a real PostgreSQL and a simulated Microsoft, its workers stepped or running."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from csp_contracts.codec import decode_event
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_partner_center import (
    SCHEMA as MICROSOFT,
)
from csp_partner_center import (
    ClientSecret,
    Credentials,
    PartnerCenter,
    PartnerCenterSettings,
    RequestIds,
    Secret,
    connect,
    simulator,
)
from csp_partner_center_simulator.embed import build as build_simulator
from csp_partner_center_simulator.webhooks.certificates import SIGNER
from csp_partner_feed import service
from csp_partner_feed.settings import PartnerFeedSettings
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import SimulatorClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.log_feed import LogFeed
from csp_runtime.platform import Platform, Service
from csp_runtime.scope import Role
from csp_runtime.secret_box import SecretBox, new_key
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings
from csp_runtime.wakeups import Wakeups
from csp_testing.postgres import database_with
from csp_testing.probe import eventually

BASE = "http://127.0.0.1:8787"
GATEWAY = "http://127.0.0.1:8080"
RESELLER = "res_north"


@dataclass
class Feed:
    """A running feed and the world around it."""

    service: Service
    client: PartnerCenter
    http: httpx.AsyncClient
    clock: SimulatorClock
    database: Database
    partner: dict[str, Any]
    issuer: DevelopmentIssuer
    platform: Platform
    settings: PartnerFeedSettings
    owners: "Owners"
    upstream: "Upstream"
    microsoft: Any
    tasks: Sequence["asyncio.Task[None]"] = ()

    def check(self) -> None:
        """A worker that ended has failed."""
        for task in self.tasks:
            if task.done():
                task.result()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"{BASE}/_control{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def act(self, action: str, *, who: str = "portal_user", **arguments: Any) -> Any:
        return await self.control(
            "POST",
            "/act",
            {"as": who, "tenant_id": self.partner["tenant_id"], "action": action, **arguments},
        )

    async def advance(self, by: str) -> None:
        await self.control("POST", "/clock/advance", {"by": by})
        now = (await self.control("GET", "/clock"))["now"]
        self.clock.move_to(datetime.fromisoformat(now).astimezone(UTC))

    async def observed(self, **wanted: Any) -> list[ExternalStateObserved]:
        """What was told so far, in order."""
        assert self.service.log is not None
        page = await self.service.log.read(0, 10_000)
        found = [
            decode_event(record.type, record.data)
            for record in page.records
            if record.type.endswith("external-state-observed.v1")
        ]
        return [each for each in found if all(getattr(each, key) == value for key, value in wanted.items())]

    async def eventually(self, count: int = 1, **wanted: Any) -> list[ExternalStateObserved]:
        async def enough() -> list[ExternalStateObserved] | None:
            self.check()
            found = await self.observed(**wanted)
            return found if len(found) >= count else None

        return await eventually(enough, within=20.0, what=f"{count} of {wanted}")  # type: ignore[return-value]

    async def facts(self, count: int, microsoft_id: str) -> list[ExternalStateObserved]:
        """At least so many records of the activity log about a resource; what is read for them is none."""

        async def enough() -> list[ExternalStateObserved] | None:
            self.check()
            found = [
                each for each in await self.observed(microsoft_id=microsoft_id) if each.audit_id is not None
            ]
            return found if len(found) >= count else None

        return await eventually(enough, within=20.0, what=f"{count} records of {microsoft_id}")  # type: ignore[return-value]

    async def settled(self) -> None:
        """Nothing waits to be read any more."""

        async def idle() -> bool:
            self.check()
            async with self.database.connection() as connection:
                row = await (
                    await connection.execute(
                        """
                        select (select count(*) from reads where due_at <= %(now)s)
                            + (select count(*) from inbox where state = 'received')
                            + (select count(*) from tenants where compare_at <= %(now)s and not is_gone)
                            + (select 1 - count(*) from first_syncs where finished_at is not null) as n
                        """,
                        {"now": self.clock.now()},
                    )
                ).fetchone()
            return row is not None and row["n"] == 0

        await eventually(idle, within=20.0, what="the feed is idle")

    async def a_subscription(self) -> ExternalStateObserved:
        """An active New Commerce subscription of the demo world, as it was first told."""
        await self.settled()
        return next(
            each
            for each in await self.observed(resource="subscription")
            if each.state is not None
            and each.state["status"] == "active"
            and each.state["commerce"] == "nce"
            and not each.state.get("is_trial")
            and isinstance(each.state["quantity"], int)
        )

    async def requests(self, operation: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.control("GET", f"/requests?operation={operation}")
        return found

    async def notify(self, body: bytes, reseller: str = RESELLER) -> int:
        """A notification with Microsoft's own signature over these very bytes; the status it is answered with."""
        headers = {
            "Content-Type": "application/json",
            "X-MS-Certificate-Url": f"{BASE}/_control/webhooks/certificates/{SIGNER}.cer",
            "X-MS-Signature-Algorithm": "rsa-sha256",
            "Authorization": f"Signature {self.microsoft.authority().signing.sign(body)}",
        }
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.service.app), base_url="http://feed"
        ) as http:
            answer = await http.post(f"/hooks/partner-center/{reseller}", content=body, headers=headers)
        return answer.status_code

    async def count(self, statement: str) -> int:
        """One number of the feed's tables."""
        async with self.database.connection() as connection:
            row = await (await connection.execute(statement.encode())).fetchone()
        return 0 if row is None else int(next(iter(row.values())))

    def api(self) -> httpx.AsyncClient:
        """The feed's internal API, as another service reaches it."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.service.app), base_url="http://feed/internal/v1"
        )

    def token(self, role: Role = Role.RESELLER_ADMIN, reseller: str = RESELLER) -> dict[str, str]:
        customer = "cus_x" if role.startswith("customer") else None
        issued = self.issuer.issue(reseller=reseller, role=role, customer=customer)
        return {"Authorization": f"Bearer {issued}", "Idempotency-Key": uuid4().hex}

    def ids(self) -> RequestIds:
        return RequestIds(request_id=uuid4(), correlation_id=uuid4())


class Upstream(httpx.AsyncBaseTransport):
    """Microsoft, with a hand that may spoil what it answers."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.spoil: Callable[[str, Any], Any] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if self.spoil is None or response.status_code != 200 or not request.url.path.startswith("/v1/"):
            return response
        spoilt = self.spoil(request.url.path, json.loads(await response.aread()))
        return httpx.Response(200, json=spoilt)


class Owners:
    """The subscriptions service as the feed sees it: takes commands, or refuses them with a code."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, Any, str]] = []
        self.refusals: list[tuple[int, str]] = []

    def client(self, service: str) -> httpx.AsyncClient:
        assert service == "subscriptions"
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://subscriptions")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.commands.append((request.url.path, body, request.headers["Idempotency-Key"]))
        if self.refusals:
            status, code = self.refusals.pop(0)
            return httpx.Response(status, json={"type": f"https://docs.csp.dev/problems/{code}"})
        return httpx.Response(202, json={"operation_id": "op_x", "version": 1, "is_replay": False})


@pytest.fixture
def feed_settings() -> PartnerFeedSettings:
    return PartnerFeedSettings(audit_poll_seconds=0.2, delta_poll_seconds=0.2, readers=2)


database_url = database_with((MICROSOFT, ("csp_partner_center",)), (service.SCHEMA, service.PACKAGES))


@pytest.fixture
async def stopped_feed(database_url: str, tmp_path, feed_settings) -> AsyncIterator[Feed]:
    """Everything is there, nothing runs."""
    world = build_simulator(data=None, world="demo", base_url=BASE)
    await world.start()
    wakeups = Wakeups(database_url)
    await wakeups.start()
    owners = Owners()
    issuer = DevelopmentIssuer(tmp_path)
    box = SecretBox.from_text(new_key())
    microsoft = Database(database_url, MICROSOFT, DatabaseRole.WORKER)
    transport = Upstream(httpx.ASGITransport(world.app))
    async with microsoft, httpx.AsyncClient(transport=transport) as http:
        clock = await SimulatorClock.connect(BASE, http)
        partner = (await http.get(f"{BASE}/_control/partners")).json()[0]
        client = connect(
            PartnerCenterSettings(cloud=simulator(BASE), first_rate=6000), microsoft, clock, box, http=http
        )
        platform = Platform(
            settings=RuntimeSettings(database_url=database_url, seal_keys=new_key()),
            microsoft=MicrosoftSettings(
                cloud="simulator", base_url=BASE, visibility_minutes=0, list_delay_minutes=0
            ),
            mail_settings=MailSettings(public_url=GATEWAY),
            clock=clock,
            wakeups=wakeups,
            feed=LogFeed({}, wakeups),
            verifier=issuer,
            service_tokens=issuer,
            box=box,
            mailer=None,  # type: ignore[arg-type]  # the feed sends no mail
            peers=owners,
            approvals=None,  # type: ignore[arg-type]  # nor asks for approval
            upstream=transport,
        )
        built = service.build(platform, client, feed_settings)
        world.deliverer._client = httpx.AsyncClient(transport=httpx.ASGITransport(built.app))
        for database in built.databases:
            await database.open()
        assert built.start is not None
        await built.start()
        yield Feed(
            built,
            client,
            http,
            clock,
            built.databases[0],
            partner,
            issuer,
            platform,
            feed_settings,
            owners,
            transport,
            world,
        )
        if built.stop is not None:
            await built.stop()
        await world.stop()
        for database in built.databases:
            await database.close()
        if built.store is not None:
            built.store.close()
    await wakeups.stop()


@pytest.fixture
async def feed(stopped_feed: Feed) -> AsyncIterator[Feed]:
    """All workers run; the reseller is known."""
    await stopped_feed.client.save_credentials(credentials(stopped_feed.partner))
    tasks = [asyncio.create_task(worker.run(), name=name) for name, worker in stopped_feed.service.workers]
    stopped_feed.tasks = tasks
    yield stopped_feed
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task


def credentials(partner: dict[str, Any], reseller: str = RESELLER) -> Credentials:
    return Credentials(
        reseller_id=reseller,
        microsoft_tenant_id=partner["tenant_id"],
        client_id=partner["client_id"],
        proof=ClientSecret(secret=Secret(partner["client_secret"])),
        refresh_token=Secret(partner["refresh_token"]),
    )


@pytest.fixture
def known_credentials():
    """How a partner of the simulator proves itself."""
    return credentials
