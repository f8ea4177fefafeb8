"""A scripted Microsoft behind httpx's mock transport, and the client connected to it and to a real PostgreSQL."""

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import httpx
import pytest

from csp_partner_center import (
    SCHEMA,
    ClientSecret,
    Credentials,
    PartnerCenter,
    PartnerCenterSettings,
    RequestIds,
    Reseller,
    Secret,
    connect,
    simulator,
)
from csp_runtime.clock import SystemClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.secret_box import SecretBox, new_key
from csp_testing.postgres import database_with

RESELLER = "res_north"
PARTNER = "11111111-2222-3333-4444-555555555555"
CUSTOMER = "aaaaaaaa-0000-4000-8000-00000000000a"
SUBSCRIPTION = "bbbbbbbb-0000-4000-8000-00000000000b"
DATE = "Thu, 05 Mar 2026 10:15:30 GMT"

Script = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


class PatientClock(SystemClock):
    """Real time, except that sleeping passes at once and is remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._ahead += seconds


@dataclass
class Microsoft:
    """Answers in the order of its script; hands out tokens; remembers what it was asked."""

    script: list[Script] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    token_requests: list[dict[str, str]] = field(default_factory=list)
    token_answers: list[httpx.Response] = field(default_factory=list)
    rotations: int = 0

    def answers(self, *script: Script) -> None:
        self.script += script

    async def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("openid-configuration"):
            base = f"https://{request.url.netloc.decode()}/{request.url.path.split('/')[1]}"
            return httpx.Response(
                200,
                json={
                    "issuer": f"{base}/v2.0",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                },
            )
        if request.url.path.endswith("/token"):
            return self._token(request)
        self.requests.append(request)
        if not self.script:
            raise AssertionError(f"nothing is scripted for {request.method} {request.url}")
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        if not callable(step):
            return step
        reply = step(request)
        return await reply if inspect.isawaitable(reply) else reply

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.token_requests.append({**form, "path": request.url.path})
        if self.token_answers:
            return self.token_answers.pop(0)
        self.rotations += 1
        answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"access-{self.rotations}"}
        if form["grant_type"] == "refresh_token":
            answer["refresh_token"] = f"refresh-{self.rotations}"
        return httpx.Response(200, json=answer)


def answer(status: int, body: object = None, **headers: str) -> httpx.Response:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"Date": DATE, **headers})


@pytest.fixture
def microsoft() -> Microsoft:
    return Microsoft()


@pytest.fixture
def clock() -> PatientClock:
    return PatientClock()


database_url = database_with((SCHEMA, ("csp_partner_center",)))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, SCHEMA, DatabaseRole.WORKER, max_size=8) as opened:
        yield opened


@pytest.fixture
async def http(microsoft: Microsoft) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(microsoft.handle)) as client:
        yield client


@pytest.fixture
def settings() -> PartnerCenterSettings:
    return PartnerCenterSettings(cloud=simulator("http://127.0.0.1:8787"), first_rate=6000)


@pytest.fixture
async def partner_center(
    database: Database, clock: PatientClock, http: httpx.AsyncClient, settings: PartnerCenterSettings
) -> PartnerCenter:
    connected = connect(settings, database, clock, SecretBox.from_text(new_key()), http=http)
    await connected.save_credentials(
        Credentials(
            reseller_id=RESELLER,
            microsoft_tenant_id=PARTNER,
            client_id="the-application",
            proof=ClientSecret(secret=Secret("canary-client-secret")),
            refresh_token=Secret("canary-refresh-token"),
        )
    )
    return connected


@pytest.fixture
def reseller(partner_center: PartnerCenter) -> Reseller:
    return partner_center.as_reseller(RESELLER)


@pytest.fixture
def ids() -> RequestIds:
    return RequestIds(request_id=uuid4(), correlation_id=UUID("c0ffee00-0000-4000-8000-000000000001"))


@pytest.fixture
def say() -> Callable[..., httpx.Response]:
    """`say(200, {...}, Location="…")`: one scripted answer."""
    return answer
