"""A reseller's existing book in a simulator of its own process, and a whole feed in front of it, in virtual time.

Between the two stands the limit: Partner Center calls are counted in windows of a minute and refused with 429 beyond the
allowed rate, every call takes its time, and all are remembered.
"""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import conninfo

from bench._virtual import BusyDatabase, VirtualClock, VirtualLoop, make_time
from csp_partner_center import SCHEMA as MICROSOFT
from csp_partner_center import (
    ClientSecret,
    Credentials,
    PartnerCenter,
    PartnerCenterSettings,
    Secret,
    connect,
    simulator,
)
from csp_partner_center_simulator.wire.errors import GatewayError
from csp_partner_center_simulator.wire.throttle import Throttle
from csp_partner_center_simulator.world import generator
from csp_partner_feed import service
from csp_partner_feed.settings import PartnerFeedSettings
from csp_runtime.database import DatabaseRole
from csp_runtime.log_feed import LogFeed
from csp_runtime.migrate import migrate
from csp_runtime.platform import Platform, Service
from csp_runtime.secret_box import SecretBox, new_key
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings
from csp_runtime.wakeups import Wakeups

RESELLER = "res_bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A running simulator with the generated book in it."""

    url: str
    now: datetime
    facts: list[dict[str, Any]]  # any: the lines of the world's file

    def control(self, method: str, path: str, body: object = None) -> Any:  # any: JSON of any shape
        """Ask the simulator's control API; nothing else happens meanwhile."""
        answer = httpx.request(method, f"{self.url}/_control{path}", json=body, timeout=60)
        return answer.raise_for_status().json()


@contextmanager
def book(customers: int, subscriptions: int) -> Iterator[Book]:
    """The simulator as a process; loading a large book takes a minute."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.jsonl"
        generator.write(path, customers=customers, subscriptions=subscriptions, seed=1)
        facts = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        command = [sys.executable, "-m", "csp_cli", "simulator", "--world", str(path), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                line = process.stdout.readline() if process.stdout else ""
                if "ready" not in line:
                    sys.exit(f"the simulator did not start: {line}")
                url = line.split()[2]
                now = httpx.get(f"{url}/_control/clock").raise_for_status().json()["now"]
                yield Book(url=url, now=datetime.fromisoformat(now).astimezone(UTC), facts=facts)
            finally:
                process.terminate()


def virtual_database(server: str, name: str) -> str:
    """A database of its own with the feed's tables, whose time is virtual."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'create database "{name}"'.encode())
    url = conninfo.make_conninfo(server, dbname=name)
    for schema, packages in ((MICROSOFT, ("csp_partner_center",)), (service.SCHEMA, service.PACKAGES)):
        migrate(url, schema, packages)
        make_time(url, schema)
    return url


class Limited(httpx.AsyncBaseTransport):
    """Microsoft's limit and latency in virtual time, in front of the simulator; a place to count calls."""

    def __init__(self, loop: VirtualLoop, rate: int, latency: float) -> None:
        self._loop = loop
        self._rate = rate
        self._latency = latency
        self._throttle = Throttle(loop.time)
        self._chance = random.Random(rate)
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=100))
        self.throttled = 0
        self.answered: Counter[str] = Counter()
        self.graph = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        is_graph, is_token = path.startswith("/graph/"), "/oauth2/" in path or "openid" in path
        if not is_token:
            await self._take_time()
        if is_graph:
            self.graph += 1
        elif not is_token:
            try:
                self._throttle.count("partner", self._rate)
            except GatewayError as refusal:
                self.throttled += 1
                return httpx.Response(
                    429,
                    headers=refusal.headers,
                    json={"statusCode": 429, "message": "Rate limit is exceeded."},
                )
        with self._loop.busy.held():
            response = await self._inner.handle_async_request(request)
            content = await response.aread()
            await response.aclose()
        if not is_token:
            await self._take_time()
        if not is_graph and not is_token and response.status_code < 400:
            token = request.headers.get("MS-ContinuationToken", "")
            self.answered[f"{request.method} {request.url.raw_path.decode()} {token}"] += 1
        headers = [
            (name, value) for name, value in response.headers.multi_items() if name != "content-encoding"
        ]
        return httpx.Response(response.status_code, headers=headers, content=content)

    async def _take_time(self) -> None:
        await asyncio.sleep(self._latency * self._chance.uniform(0.25, 0.75))

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass(frozen=True, kw_only=True)
class _VirtualPlatform(Platform):
    virtual: VirtualClock
    loop: VirtualLoop

    def database(self, schema: str, role: DatabaseRole, *, max_size: int = 4) -> BusyDatabase:
        url = self.settings.database_url.get_secret_value()
        return BusyDatabase(url, schema, role, max_size=max_size).at(self.virtual, self.loop.busy)


@dataclass(slots=True, kw_only=True)
class Feed:
    """A built feed; nothing runs yet."""

    service: Service
    client: PartnerCenter
    database: BusyDatabase
    clock: VirtualClock

    def worker(self, name: str) -> Any:  # any: one of the feed's workers
        """The worker of this name."""
        return next(worker for found, worker in self.service.workers if found == name)

    @asynccontextmanager
    async def running(self, *names: str) -> AsyncIterator[None]:
        """These workers run beside what is done here; one that fails ends the program."""
        tasks = [
            asyncio.create_task(worker.run(), name=name)
            for name, worker in self.service.workers
            if name.startswith(names)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def value(self, statement: str, *values: object) -> Any:  # any: one column of one row
        """The first column of the first row."""
        async with self.database.connection() as connection:
            row = await (await connection.execute(statement.encode(), list(values))).fetchone()
        return None if row is None else next(iter(row.values()))


@asynccontextmanager
async def feed(
    url: str, at: Book, limited: Limited, settings: PartnerFeedSettings, key: str
) -> AsyncIterator[Feed]:
    """A feed, as its own process would build it; its credentials are stored."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise TypeError("a virtual loop is needed")
    partner, clock = at.control("GET", "/partners")[0], loop.clock
    box = SecretBox.from_text(key)
    microsoft = BusyDatabase(url, MICROSOFT, DatabaseRole.WORKER).at(clock, loop.busy)
    wakeups = Wakeups(url)  # not started: polls of a virtual second do
    async with microsoft, httpx.AsyncClient(transport=limited, timeout=60) as http:
        client = connect(PartnerCenterSettings(cloud=simulator(at.url)), microsoft, clock, box, http=http)
        platform = _VirtualPlatform(
            settings=RuntimeSettings(database_url=url, seal_keys=new_key()),
            microsoft=MicrosoftSettings(cloud="simulator", base_url=at.url, visibility_minutes=0),
            mail_settings=MailSettings(),
            clock=clock,
            wakeups=wakeups,
            feed=LogFeed({}, wakeups),
            verifier=None,  # type: ignore[arg-type]  # nobody asks
            service_tokens=None,  # type: ignore[arg-type]  # nor is anybody asked
            box=box,
            mailer=None,  # type: ignore[arg-type]
            peers=None,  # type: ignore[arg-type]
            approvals=None,  # type: ignore[arg-type]
            virtual=clock,
            loop=loop,
        )
        built = service.build(platform, client, settings)
        for database in built.databases:
            await database.open()
        await client.save_credentials(
            Credentials(
                reseller_id=RESELLER,
                microsoft_tenant_id=partner["tenant_id"],
                client_id=partner["client_id"],
                proof=ClientSecret(secret=Secret(partner["client_secret"])),
                refresh_token=Secret(partner["refresh_token"]),
            )
        )
        worker = built.databases[0]
        assert isinstance(worker, BusyDatabase)
        try:
            yield Feed(service=built, client=client, database=worker, clock=clock)
        finally:
            for database in built.databases:
                await database.close()
            if built.store is not None:
                built.store.close()
            if built.stop is not None:
                await built.stop()
