"""The control API (JSON, no authentication, loopback only) and its OpenAPI page."""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp

from csp_partner_center_simulator.control import (
    behaviour,
    billing,
    clock,
    console,
    partners,
    webhooks,
    worlds,
)
from csp_partner_center_simulator.wire.errors import ApiError

if TYPE_CHECKING:
    from csp_partner_center_simulator.simulator import Simulator


def control_app(simulator: "Simulator") -> ASGIApp:
    """Build the control API for one simulator."""
    app = FastAPIOffline(
        title="Partner Center simulator: control",
        description="What only a simulator has: its clock, its faults, and people who act behind your back.",
        version="1",
        docs_url="/_control/docs",
        openapi_url="/_control/openapi.json",
        redoc_url=None,
        static_url="/_control/docs-assets",
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for module in (console, partners, clock, behaviour, billing, webhooks, worlds):
        app.include_router(module.router(simulator), prefix="/_control")

    @app.exception_handler(ApiError)
    async def refused(_: Request, refusal: ApiError) -> Response:
        return problem(refusal.status, refusal.description, code=refusal.code)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, failure: RequestValidationError) -> Response:
        errors = [
            {
                "field": ".".join(part for part in one["loc"][1:] if isinstance(part, str)) or "body",
                "rule": one["msg"],
            }
            for one in failure.errors()
        ]
        return problem(422, f"{errors[0]['field']}: {errors[0]['rule']}", errors=errors)

    @app.exception_handler(StarletteHTTPException)
    async def not_there(request: Request, failure: StarletteHTTPException) -> Response:
        return problem(failure.status_code, f"{request.method} {request.url.path[:200]}: {failure.detail}.")

    @app.middleware("http")
    async def loopback_only(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        host = request.client.host if request.client else "127.0.0.1"
        if not simulator.open_control and not _is_loopback(host):
            return problem(403, "The control API answers loopback only (see --open-control).")
        return await call_next(request)

    return app


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"localhost", "testclient"}


def problem(status: int, detail: str, **more: Any) -> JSONResponse:
    """Make a problem document (RFC 9457)."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": "Refused" if status < 500 else "Failed",
            "status": status,
            "detail": detail,
            **more,
        },
        status_code=status,
        media_type="application/problem+json",
    )
