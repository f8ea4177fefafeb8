"""The internal routes of Microsoft's price sheets as files."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from csp_pricing.access import check_may_price
from csp_pricing.sheets.use_cases import PriceSheetUseCases
from csp_runtime.http import AnyCommand, AnyScope


class SheetBody(BaseModel):
    """A sheet with Microsoft's columns; `preview`: its prices are shown, not charged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    csv: str = Field(max_length=40_000_000)
    preview: bool = False


def price_sheet_routes(sheets: PriceSheetUseCases) -> APIRouter:
    """Look at one, take one."""
    router = APIRouter(prefix="/internal/v1")

    @router.post("/price-sheet-checks")
    async def check(body: SheetBody, scope: AnyScope) -> dict[str, Any]:
        check_may_price(scope)
        return await sheets.check(scope, body.csv, preview=body.preview)

    @router.post("/price-sheets")
    async def take(body: SheetBody, scope: AnyScope, command: AnyCommand) -> dict[str, Any]:
        check_may_price(scope)
        return await sheets.take(scope, body.csv, command, preview=body.preview)

    return router
