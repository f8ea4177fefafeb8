"""Gateway: GETs per second of a list of 50 subscriptions ÷ a bare FastAPI handler that answers the same bytes."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid5

from fastapi import FastAPI

from bench._report import Figure, arguments, report
from bench._spine import postgres
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import NAMESPACE, Kind, api_id
from csp_contracts.provisioning_v1 import TenantCreated
from csp_contracts.subscriptions_v1 import SubscriptionCreated
from csp_gateway import service as gateway
from csp_gateway.adapters.owners import Owners
from csp_gateway.adapters.screens import Screens as ScreenRows
from csp_gateway.api import reseller_app
from csp_gateway.operations import OperationView
from csp_gateway.projections import Screens
from csp_gateway.rate_limits import RateLimits
from csp_gateway.surfaces.common import Parts
from csp_runtime.auth import DevelopmentIssuer, RememberingVerifier
from csp_runtime.clock import SystemClock
from csp_runtime.consistency import KnownVersions
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.event_loop import run, settle
from csp_runtime.host import LocalPeers
from csp_runtime.migrate import migrate
from csp_runtime.scope import Role
from csp_runtime.wakeups import Wakeups

PAGE = 50
SUBSCRIPTIONS = 500
TASKS = 4
RESELLER = api_id(Kind.RESELLER, NAMESPACE)
CUSTOMER = api_id(Kind.CUSTOMER, NAMESPACE)
TENANT = api_id(Kind.TENANT, NAMESPACE)

Asgi = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


async def get(app: Asgi, path: str, query: str, token: str) -> bytes:
    """One GET by the bare ASGI protocol: no client's cost in the figures. Raises `AssertionError` on another status than 200."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"bench"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("bench", 80),
    }
    parts: list[bytes] = []
    status: list[int] = []
    asked: list[bool] = []

    async def receive() -> dict[str, Any]:
        if asked:
            await asyncio.Event().wait()
        asked.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    body = b"".join(parts)
    if status != [200]:
        raise AssertionError(f"{path} answered {status}: {body[:300]!r}")
    return body


async def rate(count: int, once: Callable[[], Awaitable[bytes]]) -> float:
    """Requests per second with a few at a time."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await once()

    await once()
    begin = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(TASKS)))
    return count / (time.perf_counter() - begin)


async def fill(database: Database) -> None:
    """Subscriptions of one tenant, as the gateway's own projection writes them."""
    meta = Meta(
        reseller=RESELLER,
        partition_key=TENANT,
        effective_at=SystemClock().now(),
        recorded_at=SystemClock().now(),
    )
    tenant = TenantCreated(
        tenant_id=TENANT,
        customer_id=CUSTOMER,
        microsoft_tenant_id="m",
        domain="d",
        company_name="c",
        country="DE",
    )
    events: list[Recorded[Any]] = [Recorded(stream=TENANT, version=1, data=tenant, meta=meta)]
    for number in range(SUBSCRIPTIONS):
        name = api_id(Kind.SUBSCRIPTION, uuid5(NAMESPACE, f"bench/{number}"))
        created = SubscriptionCreated(
            subscription_id=name,
            tenant_id=TENANT,
            microsoft_subscription_id=str(number),
            commerce="nce",
            rule_set="nce",
            product="CFQ7TTC0LH18:0001",
            product_title=f"Product {number % 7}",
            term="P1Y",
            charge_cycle="P1M",
            quantity=number + 1,
            status="active",
            currency="EUR",
            commitment_ends_on=date(2027, 3, 4),
        )
        events.append(Recorded(stream=name, version=1, data=created, meta=meta))
    async with database.transaction() as tx:
        await Screens().project(tx, events)


def check(document: dict[str, Any]) -> None:
    """End the program unless this is the first page: the rows in their order, each with what its event said."""
    ids = {api_id(Kind.SUBSCRIPTION, uuid5(NAMESPACE, f"bench/{n}")): n for n in range(SUBSCRIPTIONS)}
    expected = sorted((f"Product {number % 7}", name, number + 1) for name, number in ids.items())[:PAGE]
    shown = [(row["product_title"], row["id"], row["quantity"]) for row in document["data"]]
    if shown != expected or document["meta"]["page"]["next"] is None:
        sys.exit("the gateway does not answer the first page as it was written")


async def measured(url: str, folder: Path, count: int, rounds: int) -> tuple[float, float]:
    """The gateway's rate and the bare handler's, best of the rounds; ends the program if the list is not right."""
    clock, wakeups, issuer, peers = SystemClock(), Wakeups(url), DevelopmentIssuer(folder), LocalPeers()
    async with (
        Database(url, gateway.SCHEMA, DatabaseRole.WORKER) as worker,
        Database(url, gateway.SCHEMA, DatabaseRole.REQUEST, max_size=TASKS) as request,
    ):
        await fill(worker)
        screens = ScreenRows(request)
        parts = Parts(
            screens=screens,
            owners=Owners(peers),
            operations=OperationView(screens, wakeups, clock),
            known=KnownVersions(worker, Screens.name, wakeups, clock),
            limits=RateLimits(10**9, clock),
            clock=clock,
        )
        app = reseller_app(RememberingVerifier(issuer), parts)  # as the product composes it
        token = issuer.issue(reseller=RESELLER, role=Role.RESELLER_ADMIN)

        async def through_the_gateway() -> bytes:
            return await get(app, "/subscriptions", f"page[size]={PAGE}", token)

        document: dict[str, Any] = json.loads(await through_the_gateway())
        check(document)
        bare = FastAPI()

        @bare.get("/subscriptions")
        async def handler() -> dict[str, Any]:
            return document

        async def past_the_gateway() -> bytes:
            return await get(bare, "/subscriptions", "", token)

        if json.loads(await past_the_gateway()) != document:
            sys.exit("the bare handler does not answer the same")
        settle()  # as the product does when it is up
        limits, figures = [], []
        for _ in range(rounds):  # taking turns: what else the machine does falls on both
            limits.append(await rate(count, past_the_gateway))
            figures.append(await rate(count, through_the_gateway))
    await peers.close()
    return max(figures), max(limits)


async def main() -> None:
    """Measure, check, report."""
    given = arguments(__doc__ or "", events=500)
    with postgres() as url, tempfile.TemporaryDirectory() as folder:
        migrate(url, gateway.SCHEMA, gateway.PACKAGES)
        figure, limit = await measured(url, Path(folder), given.events, given.rounds)
    report(
        [
            Figure(
                name="GET a list",
                figure=figure,
                limit=limit,
                limit_name="bare FastAPI handler, the same document",
                unit="GET/s",
                aim="≥ 0.35",
            )
        ],
        given.json,
    )


if __name__ == "__main__":
    run(main())
