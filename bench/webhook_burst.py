"""A burst of signed notifications, 30 % of them twice, shuffled: answer p99 ÷ a bare handler with the same RSA check and one insert,
and upstream reads per changed resource once the burst has settled."""

import asyncio
import base64
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request, Response

from bench._report import Figure, arguments, report
from bench._spine import postgres
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
from csp_partner_center.budget import UnsharedBudget
from csp_partner_feed.adapters.directory_skus import DirectorySkus
from csp_partner_feed.adapters.first_syncs import FirstSyncs
from csp_partner_feed.adapters.freshness import Freshness
from csp_partner_feed.adapters.inbox import Inbox
from csp_partner_feed.adapters.parked import Parked
from csp_partner_feed.adapters.publisher import Publisher
from csp_partner_feed.adapters.reads import Reads
from csp_partner_feed.adapters.receiver import NotificationReceiver
from csp_partner_feed.adapters.resources import Resources
from csp_partner_feed.adapters.signature import Signatures, TrustPolicy
from csp_partner_feed.adapters.tenants import TenantRows
from csp_partner_feed.api import hooks
from csp_partner_feed.service import PACKAGES, SCHEMA
from csp_partner_feed.workers.inbox_worker import InboxWorker
from csp_partner_feed.workers.parts import Parts
from csp_partner_feed.workers.reader import Reader
from csp_runtime.clock import SystemClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.migrate import migrate
from csp_runtime.secret_box import SecretBox, new_key
from csp_runtime.store import EventStore
from csp_runtime.wakeups import Wakeups

RESELLER = "res_bench"
HOST = "certs.example"
AT_ONCE = 16
PER_SECOND = 1_000
# Feed and bare handler take turns: whatever else the machine does disturbs both alike, and a median of slices forgets it.
SLICE = 500
CUSTOMERS = 50


class Signer:
    """A certificate authority of the bench's own."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Microsoft Corporation")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def headers(self, body: bytes) -> dict[str, str]:
        """As Microsoft signs."""
        signature = base64.b64encode(self.key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
        return {
            "Content-Type": "application/json",
            "Authorization": f"Signature {signature}",
            "X-MS-Certificate-Url": f"https://{HOST}/signing.cer",
            "X-MS-Signature-Algorithm": "rsa-sha256",
        }


class Microsoft:
    """Answers every reading, and counts."""

    def __init__(self, certificate: x509.Certificate, subscriptions: int) -> None:
        self.certificate = certificate
        self.subscriptions = subscriptions
        self.reads = 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Tokens, the certificate, subscriptions one by one and by list."""
        path = request.url.path
        if request.url.host == HOST:
            return httpx.Response(200, content=self.certificate.public_bytes(serialization.Encoding.DER))
        if path.endswith("openid-configuration"):
            base = f"https://{request.url.netloc.decode()}/{path.split('/')[1]}"
            return httpx.Response(
                200,
                json={
                    "issuer": f"{base}/v2.0",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{base}/authorize",
                },
            )
        if path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
        self.reads += 1
        if path.endswith("/transfers"):
            return httpx.Response(200, json=[])
        if path.endswith("/subscriptions"):
            tenant = int(path.split("/")[-2].partition("-")[0], 16)
            owned = range(tenant, self.subscriptions, CUSTOMERS)
            return httpx.Response(
                200, json={"items": [_subscription(subscription_id(number)) for number in owned]}
            )
        return httpx.Response(200, json=_subscription(path.rsplit("/", 1)[1]))


def _subscription(identifier: str) -> dict[str, str | int]:
    return {"id": identifier, "quantity": 8, "status": "active"}


def subscription_id(number: int) -> str:
    """Of the n-th subscription; it belongs to customer n modulo `CUSTOMERS`."""
    return f"{number:08x}-1111-4000-8000-000000000000"


def notifications(count: int, signer: Signer, chance: random.Random) -> list[tuple[bytes, dict[str, str]]]:
    """`count` of them, 30 % copies of others, shuffled; each about a subscription of its own."""
    distinct = []
    for number in range(int(count * 0.7)):
        tenant = f"{number % CUSTOMERS:08x}-0000-4000-8000-000000000000"
        body = json.dumps(
            {
                "EventName": "subscription-updated",
                "ResourceUri": f"https://x/webhooks/v1/customers/{tenant}/subscriptions/{subscription_id(number)}",
                "ResourceName": "subscription",
                "AuditUri": None,
                "ResourceChangeUtcDate": datetime.now(UTC).isoformat(),
            }
        ).encode()
        distinct.append((body, signer.headers(body)))
    burst = [*distinct, *chance.choices(distinct, k=count - len(distinct))]
    chance.shuffle(burst)
    return burst


def bare_app(database: Database, signer: Signer) -> FastAPI:
    """The limit: the same check of the signature, one insert."""
    app, key = FastAPI(), signer.key.public_key()

    @app.post("/bare")
    async def bare(request: Request) -> Response:
        body = await request.body()
        signature = base64.b64decode(request.headers["authorization"].partition(" ")[2])
        key.verify(signature, body, padding.PKCS1v15(), hashes.SHA256())
        async with database.connection() as connection:
            await connection.execute("insert into bare (body) values (%s)", [body.decode()])
        return Response(status_code=200)

    return app


async def posted(app: FastAPI, path: str, burst: Sequence[tuple[bytes, dict[str, str]]]) -> list[float]:
    """Milliseconds of each answer, `AT_ONCE` at a time."""
    waiting = iter(burst)
    taken: list[float] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://feed") as client:

        async def send() -> None:
            for body, headers in waiting:
                begin = time.perf_counter()
                answer = await client.post(path, content=body, headers=headers)
                taken.append((time.perf_counter() - begin) * 1000)
                if answer.status_code != 200:
                    sys.exit(f"a notification was answered with {answer.status_code}")

        await asyncio.gather(*[send() for _ in range(AT_ONCE)])
    return taken


async def settle(parts: Parts, inbox: Inbox) -> None:
    """Understand and read until nothing waits."""
    understanding = InboxWorker(inbox=inbox, clock=parts.clock, wakeups=parts.wakeups)
    while await understanding.step():
        pass
    reader = Reader(parts, visibility=timedelta(0))
    while await reader.step():
        pass


async def main() -> None:
    """Measure, check, report."""
    given = arguments(__doc__ or "", events=10_000)
    signer, chance = Signer(), random.Random(1)
    upstream = Microsoft(signer.certificate, int(given.events * 0.7))
    with postgres() as url:
        migrate(url, MICROSOFT, ["csp_partner_center"])
        migrate(url, SCHEMA, PACKAGES)
        async with (
            Database(url, MICROSOFT, DatabaseRole.WORKER) as credentials,
            Database(url, SCHEMA, DatabaseRole.WORKER, max_size=AT_ONCE) as database,
            httpx.AsyncClient(transport=httpx.MockTransport(upstream.handle)) as http,
        ):
            client = await _client(credentials, http)
            inbox, wakeups = Inbox(database), Wakeups(url)
            app = FastAPI()
            signatures = Signatures(
                lambda: TrustPolicy(hosts=frozenset({HOST}), roots=(signer.certificate,)), http
            )
            receiver = NotificationReceiver(
                signatures=signatures, inbox=inbox, client=client, clock=SystemClock(), wakeups=wakeups
            )
            app.include_router(hooks(receiver))
            _make_bare(url)
            bare = bare_app(database, signer)
            limits: list[float] = []
            answers: list[float] = []
            elapsed = []
            costs: list[tuple[float, float]] = []  # of an answer, of a bare one
            for number in range(given.rounds):
                burst = notifications(given.events, signer, chance)  # another time of change each round
                spent = 0.0
                cpu = [0.0, 0.0]
                for start in range(0, len(burst), SLICE):
                    part = burst[start : start + SLICE]
                    idle = time.process_time()
                    limit = _p99(await posted(bare, "/bare", part))
                    begin, busy = time.perf_counter(), time.process_time()
                    answer = _p99(await posted(app, f"/hooks/partner-center/{RESELLER}", part))
                    spent += time.perf_counter() - begin
                    cpu[0] += busy - idle
                    cpu[1] += time.process_time() - busy
                    if number or start:  # the first slice warms up
                        limits.append(limit)
                        answers.append(answer)
                elapsed.append(spent)
                costs.append((cpu[1] / given.events * 1000, cpu[0] / given.events * 1000))
            store = EventStore(url, SCHEMA)
            parts = _parts(client, database, store, wakeups)
            # Its first list was read: until then what is told of unknown customers waits.
            await parts.first_syncs.start(RESELLER, parts.clock.now())
            await parts.first_syncs.listed_to(RESELLER, None, parts.clock.now())
            await settle(parts, inbox)
            changed = int(given.events * 0.7)
            async with database.connection() as connection:
                row = await (
                    await connection.execute("select count(*) as n from resources where not is_gone")
                ).fetchone()
            if row is None or row["n"] != changed:
                sys.exit(f"{row} resources were told, {changed} changed")
            store.close()
    report(
        [
            Figure(
                name="answer p99",
                figure=statistics.median(answers),
                limit=statistics.median(limits),
                limit_name=f"bare handler: RSA check, one insert; median over slices of {SLICE}",
                unit="ms",
                aim="≤ 2",
            ),
            Figure(
                name="CPU an answer",
                figure=min(costs)[0],
                limit=min(costs)[1],
                limit_name="bare handler; this process, without PostgreSQL",
                unit="ms",
                aim="≤ 2",
            ),
            Figure(
                name="burst taken in",
                figure=min(elapsed),
                limit=given.events / PER_SECOND,
                limit_name=f"{PER_SECOND:,} notifications a second",
                unit="s",
                aim="≤ 1",
            ),
            Figure(
                name="reads a resource",
                figure=upstream.reads,
                limit=changed,
                limit_name="changed resources",
                unit="calls",
                aim="≤ 1",
            ),
        ],
        given.json,
    )


async def _client(database: Database, http: httpx.AsyncClient) -> PartnerCenter:
    clock = SystemClock()
    client = connect(
        PartnerCenterSettings(cloud=simulator("http://127.0.0.1:1")),
        database,
        clock,
        SecretBox.from_text(new_key()),
        http=http,
        budget=UnsharedBudget(clock, 1_000_000),
    )
    await client.save_credentials(
        Credentials(
            reseller_id=RESELLER,
            microsoft_tenant_id="t",
            client_id="c",
            proof=ClientSecret(secret=Secret("s")),
        )
    )
    return client


def _parts(client: PartnerCenter, database: Database, store: EventStore, wakeups: Wakeups) -> Parts:
    box, clock = SecretBox.from_text(new_key()), SystemClock()
    return Parts(
        client=client,
        clock=clock,
        wakeups=wakeups,
        publisher=Publisher(store, database, clock),
        reads=Reads(database),
        tenants=TenantRows(database, box),
        resources=Resources(database),
        first_syncs=FirstSyncs(database, box, 15),
        freshness=Freshness(database),
        parked=Parked(database),
        skus=DirectorySkus(),
    )


def _make_bare(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"create table {SCHEMA}.bare (n bigint generated always as identity primary key, body text)".encode()
        )
        connection.execute(f"grant all on {SCHEMA}.bare to csp_{SCHEMA}_worker".encode())


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


if __name__ == "__main__":
    asyncio.run(main())
