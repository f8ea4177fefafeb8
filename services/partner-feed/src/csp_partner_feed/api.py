"""The HTTP edge: notifications from Microsoft, and the internal calls of the other services and the gateway."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from csp_partner_feed.application import FeedUseCases
from csp_partner_feed.domain.drift import Policy
from csp_partner_feed.domain.observation import Resource
from csp_runtime.http import AnyCommand, AnyScope
from csp_runtime.logs import logger

log = logger(__name__)

MOST_BYTES = 64 * 1024

_ID = r"^[A-Za-z0-9_-]+$"
# No text of PostgreSQL can hold a NUL.
_TEXT = r"^[^\x00]*$"


class Receiver(Protocol):
    """Takes in notifications."""

    async def receive(self, reseller: str, headers: dict[str, str], body: bytes) -> int:
        """The status to answer with: 200 stored (or known already), 4xx refused without a trace, 503 try again."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RereadBody(_Body):
    """What to read again: one subscription or one user of a tenant, by our ids; with neither, the tenant itself."""

    tenant_id: str
    subscription_id: str | None = None
    user_id: str | None = None

    @model_validator(mode="after")
    def _not_both(self) -> "RereadBody":
        if self.subscription_id is not None and self.user_id is not None:
            raise ValueError("subscription_id and user_id are two different things to read")
        return self


class RefreshBody(_Body):
    """Which customer to read in full; absent: all of them."""

    tenant_id: str | None = Field(None, max_length=100)


class DecisionBody(_Body):
    """Whose side is taken, and why."""

    side: Literal["microsoft", "ours", "ignore"]
    reason: str = Field(min_length=1, max_length=500, pattern=_TEXT)


class PolicyBody(_Body):
    """Whose side is taken without asking, and why; `tenant_id` or `field` absent: all of them."""

    tenant_id: str | None = Field(None, max_length=100, pattern=_ID)
    field: Literal["status", "quantity", "auto_renew"] | None = None
    side: Literal["microsoft", "ours", "ask"]
    reason: str = Field(min_length=1, max_length=500, pattern=_TEXT)


class RefreshAnswer(BaseModel):
    """How many customers will be read."""

    customers: int


def hooks(receiver: Receiver) -> APIRouter:
    """The address that Microsoft calls; no bearer token, the signature is the proof."""
    router = APIRouter()

    @router.post("/hooks/partner-center/{reseller}", include_in_schema=False)
    async def notification(reseller: str, request: Request) -> Response:
        body = await _limited(request)
        if body is None:
            return Response(status_code=413)
        return Response(status_code=await receiver.receive(reseller, dict(request.headers), body))

    return router


def routes(use_cases: FeedUseCases) -> APIRouter:
    """The internal routes."""
    router = APIRouter(prefix="/internal/v1")

    @router.post("/rereads", status_code=202)
    async def read_again(body: RereadBody, scope: AnyScope) -> dict[str, str]:
        if body.subscription_id is not None:
            await use_cases.read_again(scope, Resource.SUBSCRIPTION, body.subscription_id)
        elif body.user_id is not None:
            await use_cases.read_again(scope, Resource.USER, body.user_id)
        else:
            await use_cases.read_again(scope, Resource.TENANT, body.tenant_id)
        return {"status": "wanted"}

    @router.post("/refreshes", status_code=202)
    async def refresh(body: RefreshBody, scope: AnyScope) -> RefreshAnswer:
        return RefreshAnswer(customers=await use_cases.refresh(scope, body.tenant_id))

    @router.get("/sync/status")
    async def status(scope: AnyScope, tenant_id: str | None = None) -> dict[str, Any]:
        return {key: _plain(value) for key, value in asdict(await use_cases.status(scope, tenant_id)).items()}

    @router.get("/drifts")
    async def drifts(
        scope: AnyScope,
        state: Literal["open", "decided"] = "open",
        after: Annotated[str | None, Query(max_length=100, pattern=_ID)] = None,
        limit: Annotated[int, Query(ge=1, le=501)] = 100,
    ) -> list[dict[str, Any]]:
        found = await use_cases.drifts(scope, is_open=state == "open", after=after, limit=limit)
        return [asdict(drift) for drift in found]

    @router.post("/drifts/{drift_id}/decision")
    async def decide(
        drift_id: str, body: DecisionBody, scope: AnyScope, command: AnyCommand
    ) -> dict[str, str]:
        await use_cases.decide(scope, drift_id, body.side, body.reason, command)
        return {"side": body.side}

    @router.get("/drift-policies")
    async def policies(scope: AnyScope) -> list[dict[str, Any]]:
        return [asdict(policy) for policy in await use_cases.policies(scope)]

    @router.put("/drift-policies")
    async def set_policy(body: PolicyBody, scope: AnyScope) -> dict[str, str]:
        policy = Policy(tenant_id=body.tenant_id or "", field=body.field or "", side=body.side)
        await use_cases.set_policy(scope, policy, body.reason)
        return {"side": body.side}

    @router.get("/observations/{observation_id}/personal")
    async def person(observation_id: str, scope: AnyScope) -> dict[str, str | None]:
        return await use_cases.person(scope, observation_id)

    @router.delete("/persons/{microsoft_user_id}")
    async def erase(microsoft_user_id: str, scope: AnyScope) -> dict[str, int]:
        return {"erased": await use_cases.erase_person(scope, microsoft_user_id)}

    return router


async def _limited(request: Request) -> bytes | None:
    """The raw body, None beyond the limit; a lying length is found out while reading."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > MOST_BYTES:
        return None
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _plain(value: Any) -> Any:  # Any: JSON of any shape
    return value.isoformat() if isinstance(value, datetime) else value
