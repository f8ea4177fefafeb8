"""What is answered in an operation's place: faults, refusals, what is not built (PC 2.8, 14.8, 14.10)."""

import uuid
from datetime import datetime
from typing import Any

from csp_partner_center_simulator.auth.refusal import RefusedError
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.errors import ApiError, GatewayError, GraphError
from csp_partner_center_simulator.wire.faults import Fault
from csp_partner_center_simulator.wire.request import Request
from csp_partner_center_simulator.wire.throttle import too_many

GRAPH_NAMES = {
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "Request_ResourceNotFound",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}
PRICING_NAMES = {403: "Forbidden", 404: "NotFound", 429: "TooManyRequests", 500: "InternalServerError"}
TRANSIENT = 90033  # Entra's number for an error that passes
PRICING = ("pricesheets.", "offermatrix.", "fxrates.")


def not_built(request: Request, now: datetime) -> Answer:
    """Say honestly that an operation is not there."""
    # 404, not 501: clients of 2020 repeat a 501 without end (PC 14.10).
    text = f"The simulator does not implement {request.method} {request.path[:200]}."
    path = request.path.lower().lstrip("/")
    if path.startswith("graph/"):
        inner = _inner_error(now, request.headers.get("client-request-id", str(uuid.uuid4())))
        body: dict[str, Any] = {"error": {"code": "BadRequest", "message": text, "innerError": inner}}
    elif path.startswith("v1.0/"):
        body = {"error": {"code": "NotFound", "message": text, "target": None, "innerError": None}}
    else:
        body = {"code": 404, "description": text, "data": [], "source": "Simulator"}
    return Answer(404, body, {"X-Simulator": "not-implemented"})


FORBIDDEN = {
    13605: "The customer has not accepted the Microsoft Customer Agreement.",
    20002: "The partner has no relationship with this customer.",
    900308: "The delegated privileges in the customer tenant do not suffice.",
    900309: "Access has been blocked by Conditional Access policies.",
}


def instead(fault: Fault, operation: str, request: Request, correlation_id: str, now: datetime) -> Answer:
    """Give what the fault answers in the operation's place."""
    match fault.kind:
        case "throttled":
            wait = 10 if fault.retry_after is None else fault.retry_after
            refusal: ApiError = too_many(int(wait) if float(wait).is_integer() else wait)
        case "error_before":
            refusal = ApiError(500, fault.code or 800003, "The service failed to process the request.")
        case "unavailable":
            headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
            refusal = GatewayError(503, 503, "The service is unavailable.", headers=headers)
        case "gateway_timeout":
            refusal = GatewayError(504, 504, "The upstream service did not answer in time.")
        case "html":
            page = b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head><body><h1>502</h1></body></html>"
            return Answer(502, page, content_type="text/html")
        case "empty_401":
            return Answer(401, None, {"WWW-Authenticate": "Bearer"})
        case "forbidden":
            code = fault.code or 900308
            refusal = ApiError(403, code, FORBIDDEN.get(code, "Access denied."))
        case "not_found_fresh":
            code = 20003 if "subscriptions" in operation else 60003 if "users" in operation else 20002
            refusal = ApiError(404, fault.code or code, "The resource was not found.")
        case "conflict":
            refusal = ApiError(409, fault.code or 900278, "An operation on this resource is pending.")
        case "stale_etag":
            refusal = ApiError(400, 2055, "The etag is not the current one.")
        case "page_token_expired":
            # Not code 2000: that says the list is over (PC 2.4), and an expired token must not look like its end.
            refusal = ApiError(fault.code or 410, 800002, "The continuation token has expired.")
        case _:
            return Answer(500, None)
    return told(refusal, operation, request, correlation_id, now)


def told(refusal: ApiError, operation: str, request: Request, correlation_id: str, now: datetime) -> Answer:
    """Tell a refusal in the words of the surface it was met on: Partner Center, token endpoint, pricing host, Graph."""
    status, body = refusal.status, refusal.body()
    inner = _inner_error(now, request.headers.get("client-request-id", correlation_id))
    if isinstance(refusal, GraphError):
        body["error"]["innerError"] = inner
    elif operation.startswith("auth."):
        busy = "temporarily_unavailable" if status == 429 or status >= 500 else "invalid_request"
        body = RefusedError(busy, TRANSIENT, refusal.description, status=status).body(now)
    elif operation.startswith(PRICING):
        # A wrong token is 400 on the pricing host, not 401 (PC 11.1).
        status = 400 if status == 401 else status
        code = PRICING_NAMES.get(status, "BadRequest" if status < 500 else "ServiceUnavailable")
        error: dict[str, Any] = {
            "code": code,
            "message": refusal.description,
            "target": None,
            "innerError": None,
        }
        body = {"error": error}
    elif operation.startswith("graph."):
        throttled = status == 429
        error = {
            "code": GRAPH_NAMES.get(status, "Request_BadRequest"),
            "message": "Please retry again later." if throttled else refusal.description,
            "innerError": _throttled(inner) if throttled else inner,
        }
        body = {"error": error}
    return Answer(status, body, dict(refusal.headers))


def _inner_error(now: datetime, client_request_id: str) -> dict[str, Any]:
    """Give what Graph tells of a refused call: when and which (PC 13.4)."""
    return {
        "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": str(uuid.uuid4()),
        "client-request-id": client_request_id,
    }


def _throttled(inner: dict[str, Any]) -> dict[str, Any]:
    return {"code": "429", "message": "Please retry after", "status": "429", **inner}


def scrubbed(body: Any) -> Any:
    """Take passwords out of an answer that is kept for replaying (PC 2.7)."""
    if isinstance(body, dict):
        return {
            name: scrubbed(member)
            for name, member in body.items()
            if name.lower() not in {"password", "access_token", "refresh_token"}
        }
    if isinstance(body, list):
        return [scrubbed(member) for member in body]
    return body
