"""Credits and charges by hand: the reseller grants and lists them, customers find them in their reports."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from csp_gateway.adapters.paging import cursor_of, key_of
from csp_gateway.surfaces.common import (
    ResellerReading,
    ResellerScope,
    UseCaller,
    UseParts,
    answer_list,
    as_json,
    problems,
)
from csp_gateway.surfaces.listing import Filter, Listing
from csp_runtime.http import AnyCommand

_PATH = "/adjustments"
_LIST = Listing((Filter("customer_id"), Filter("subscription_id")))


class AdjustmentAmount(BaseModel):
    """Decimal text and its currency: below zero a credit, above it a charge."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: str = Field(pattern=r"^-?\d{1,12}(\.\d{1,4})?$", max_length=20)
    currency: str = Field(pattern="^[A-Z]{3}$")


class Adjustment(BaseModel):
    """A credit or a charge by hand. The customer reads `text`; it must not name a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subscription_id: str = Field(max_length=100)
    amount: AdjustmentAmount
    text: str = Field(min_length=1, max_length=200, pattern=r'^[^"\\\x00-\x1f]*$')
    line_id: str | None = Field(
        None, max_length=100, description="The charge that a credit belongs to: it is capped by it"
    )


def routes() -> APIRouter:
    """The routes of the reseller's surface."""
    router = APIRouter(tags=["billing"])

    @router.post(_PATH, status_code=201, responses=problems(400, 404, 409), operation_id="grant_adjustment")
    async def create(
        body: Adjustment, command: AnyCommand, caller: UseCaller, parts: UseParts, scope: ResellerScope
    ) -> dict[str, Any]:
        """Grant a credit or add a charge; it stands in the open report at once, as a line of kind `adjustment`.

        With a line a credit is never more than what is open of it (409 `credit_exceeds_line` tells how much that is).
        """
        found: dict[str, Any] = await parts.owners.command(
            "billing", _PATH, caller, command, body.model_dump()
        )
        return found

    @router.get(_PATH, responses=problems(), operation_id="list_adjustments", openapi_extra=_LIST.documented)
    async def adjustments(request: Request, read: ResellerReading, caller: UseCaller) -> Response:
        """Adjustments, newest first."""
        asked = _LIST.asked(request)
        page, filters = asked.page, asked.filters
        after = key_of(page.after, filters)
        rows = await read.parts.owners.get(
            "billing",
            _PATH,
            caller,
            **filters,
            after_at=None if after is None else after[0],
            after_id=None if after is None else after[1],
            limit=page.size + 1,
        )
        cursor = None
        if len(rows) > page.size:
            rows = rows[: page.size]
            cursor = cursor_of([rows[-1]["granted_at"], rows[-1]["id"]], filters)
        return answer_list(request, read.parts, page, [as_json(row) for row in rows], cursor)

    return router
