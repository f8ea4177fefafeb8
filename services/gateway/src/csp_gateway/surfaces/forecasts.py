"""What the open cycle will come to, what has a deadline, and what another choice would cost: on both surfaces."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from csp_gateway.adapters.paging import trail_of
from csp_gateway.models.base import ListOf
from csp_gateway.models.forecasts import (
    BillingChoice,
    Forecast,
    ForecastDetail,
    ResellerForecast,
    ResellerForecastDetail,
    WhatIf,
)
from csp_gateway.surfaces.answers import answer_document
from csp_gateway.surfaces.common import Reading, Surface, UseCaller
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, WAITS, problems
from csp_gateway.surfaces.listing import Listing
from csp_gateway.surfaces.lists import answer_list


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface; billing shows cost to the reseller alone."""
    router = APIRouter(tags=["billing"])
    reads = Depends(surface.reading)
    detail = ResellerForecastDetail if surface.with_cost else ForecastDetail
    model = ResellerForecast if surface.with_cost else Forecast
    listing = Listing(model=model, is_compared_here=True, largest=200)

    @router.get(
        "/billing-forecasts",
        responses=problems(),
        operation_id="list_billing_forecasts",
        openapi_extra=listing.documented,
        response_model=ListOf[model],  # type: ignore[valid-type]  # one of the two models
    )
    async def some(request: Request, caller: UseCaller, read: Reading = reads) -> Response:
        """The open cycle of customers, by name: what is charged, sure unless cancelled, or depends on a renewal; deadlines."""
        asked = listing.asked(request)
        trail = trail_of(asked.page.after, asked.identity)
        found = await read.parts.owners.get(
            "billing",
            "/forecasts",
            caller,
            after=None if trail.here is None else trail.here[0],
            size=asked.page.size,
        )
        following = None if found["next"] is None else [found["next"]]
        kept = filter(asked.meets, found["forecasts"])
        around = trail.around(following, asked.identity)
        return answer_list(request, read.parts, asked, map(listing.text, kept), around)

    @router.get(
        "/billing-forecasts/{customer_id}",
        responses=ONE,
        operation_id="get_billing_forecast",
        openapi_extra=ONE_ASKED,
        response_model=detail,
    )
    async def one(
        customer_id: str,
        request: Request,
        caller: UseCaller,
        days: Annotated[int, Query(ge=1, le=400, description="How far deadlines are looked for")] = 60,
        read: Reading = reads,
    ) -> Response:
        """A customer's open cycle, line by line with its certainty, and the days ahead with money attached."""
        found = await read.parts.owners.get("billing", f"/forecasts/{customer_id}", caller, days=days)
        return answer_document(request, detail, found)

    @router.post(
        "/billing-what-ifs",
        responses=problems(400, 404),
        operation_id="ask_billing_what_if",
        openapi_extra=WAITS,
        response_model=WhatIf,
    )
    async def what_if(body: BillingChoice, caller: UseCaller, read: Reading = reads) -> dict[str, Any]:
        """Sales lines up to a day (a year ahead by default) as things are and as they would be; nothing is changed."""
        found: dict[str, Any] = await read.parts.owners.ask(
            "billing", "/forecasts/what-ifs", caller, body.model_dump(mode="json")
        )
        return found

    return router
