"""A span for each HTTP request: where a trace begins, or goes on from the caller's `traceparent`.

Without an exporter nobody would see the span of a read: then only commands, whose trace travels with their events, and
requests that bring a trace get one. A read costs a tenth less for it. `traceparent` and the caller's `X-Correlation-Id` are
in the answer.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from opentelemetry import propagate
from opentelemetry.trace import SpanKind, StatusCode

from csp_contracts.errors import MalformedId
from csp_contracts.ids import is_id, kind_of
from csp_runtime import telemetry

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]

_TRACED = "csp.traced"
_CORRELATION = b"x-correlation-id"


class ServerSpans:
    """ASGI middleware. Apps within apps have it too; the outermost makes the span."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or _TRACED in scope:
            await self._app(scope, receive, send)
            return
        scope[_TRACED] = True
        correlation = [pair for pair in scope["headers"] if pair[0] == _CORRELATION]
        if not _is_worth_it(scope):
            await self._app(scope, receive, _adding(correlation, send) if correlation else send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with telemetry.TRACER.start_as_current_span(
            scope["method"],
            context=propagate.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"]},
            record_exception=False,  # its text may hold what belongs in no span
            set_status_on_exception=False,
        ) as span:
            own: dict[str, str] = {}
            propagate.inject(own)
            told = [(name.encode(), value.encode()) for name, value in own.items()]
            send = _adding([*told, *correlation], send)

            async def answer(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            try:
                await self._app(scope, receive, answer)
            finally:
                route = scope.get("route")
                if route is not None:
                    # The template, never the path itself: an address may hold a name.
                    template = f"{scope.get('root_path', '')}{route.path}"
                    span.set_attribute("http.route", template)
                    span.update_name(f"{scope['method']} {template}")
                    span.set_attributes(_ids(scope["path_params"]))


def _ids(path_params: Mapping[str, Any]) -> dict[str, str]:
    """Our own ids in the path, as `csp.subscription.id`; nothing else of it."""
    ids: dict[str, str] = {}
    for name, value in path_params.items():
        try:
            kind = kind_of(str(value))
        except MalformedId:
            continue
        if is_id(str(value), kind):
            ids[f"csp.{name.removesuffix('_id')}.id"] = str(value)
    return ids


def _adding(headers: Sequence[tuple[bytes, bytes]], send: Any) -> Any:  # ASGI's send
    """A send that answers with these headers, too."""

    async def answer(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        await send(message)

    return answer


def _is_worth_it(scope: Scope) -> bool:
    return (
        telemetry.is_exporting()
        or scope["method"] not in ("GET", "HEAD")
        or any(name == b"traceparent" for name, _ in scope["headers"])
    )
