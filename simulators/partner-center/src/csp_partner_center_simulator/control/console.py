"""The console: one page for people (clock, customers, act as, faults, recent requests)."""

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from csp_partner_center_simulator.wire.faults import KINDS

if TYPE_CHECKING:
    from csp_partner_center_simulator.simulator import Simulator


@cache
def page() -> str:
    """Give the page with the fault kinds filled in."""
    text = files("csp_partner_center_simulator.control").joinpath("console.html").read_text(encoding="utf-8")
    return text.replace("KINDS", json.dumps(sorted(KINDS)), 1)


def router(simulator: "Simulator") -> APIRouter:
    """Build the route."""
    del simulator  # the page asks the control API itself
    routes = APIRouter()

    @routes.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def console() -> str:
        return page()

    return routes
