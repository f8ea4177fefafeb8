"""The internal routes of historic price edits."""

from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from csp_pricing.access import check_may_price
from csp_pricing.domain.edits import EditHistoricSalesPrice
from csp_pricing.edits.use_cases import PriceEdits
from csp_runtime.consistency import KnownVersions
from csp_runtime.http import AnyCommand, AnyScope, AwaitedVersions

STREAMS = ("sub_",)


class PriceEditBody(BaseModel):
    """The price of one seat and one full charge cycle on the service days `[from_on, until_on)`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_on: date
    until_on: date | None
    unit_price: str = Field(max_length=30)
    currency: str = Field(max_length=3)
    reason: str = Field(max_length=500)


def price_edit_routes(edits: PriceEdits, known: KnownVersions) -> APIRouter:
    """Check, carry out, list."""
    router = APIRouter(prefix="/internal/v1/subscriptions/{subscription_id}")

    async def wait(versions: dict[str, int]) -> None:
        await known.wait_for({s: v for s, v in versions.items() if s.startswith(STREAMS)})

    @router.post("/price-edit-checks")
    async def check(
        subscription_id: str, body: PriceEditBody, scope: AnyScope, versions: AwaitedVersions
    ) -> dict[str, Any]:
        check_may_price(scope)
        await wait(versions)
        return await edits.check(scope, _command(subscription_id, body))

    @router.post("/price-edits")
    async def edit(
        subscription_id: str,
        body: PriceEditBody,
        scope: AnyScope,
        command: AnyCommand,
        versions: AwaitedVersions,
    ) -> dict[str, Any]:
        check_may_price(scope)
        await wait(versions)
        return await edits.edit(scope, _command(subscription_id, body), command)

    @router.get("/price-edits")
    async def made(subscription_id: str, scope: AnyScope, versions: AwaitedVersions) -> list[dict[str, Any]]:
        await wait(versions)
        return await edits.edits(scope, subscription_id)

    return router


def _command(subscription_id: str, body: PriceEditBody) -> EditHistoricSalesPrice:
    return EditHistoricSalesPrice(subscription_id=subscription_id, **body.model_dump())
