"""One trace runs from whoever caused an event through store, relay, Kafka and consumer to the projection."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from csp_contracts.ids import Kind, api_id
from csp_runtime import telemetry
from csp_runtime.consumer import Consumer
from csp_runtime.http import create_app
from csp_runtime.kafka_feed import KafkaFeed
from csp_runtime.kafka_publisher import KafkaPublisher
from csp_runtime.problems import not_found
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.relay import Relay
from csp_runtime.telemetry import batch_span, trace_carrier
from csp_runtime.wakeups import Wakeups
from csp_testing.probe import eventually
from csp_testing.things import ThingCounted, counted


@pytest.fixture
def spans(monkeypatch):
    """Every span that ends during the test; the process's own tracer stays as it is."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "TRACER", provider.get_tracer("csp"))
    yield exporter.get_finished_spans
    provider.shutdown()


class Marks:
    """Notes under which trace it was called."""

    name = "marks"
    streams = frozenset({Kind.ORDER})
    types = frozenset({ThingCounted})

    def __init__(self, context):
        self.contexts = (context,)
        self.trace_ids = set()

    async def project(self, tx, events):
        self.trace_ids.add(trace.get_current_span().get_span_context().trace_id)


def caused(event, *, at=None):
    """The event as recorded inside the current span, at that time."""
    at = at or datetime.now(UTC)
    meta = event.meta
    values = {name: getattr(meta, name) for name in meta.__dataclass_fields__}
    values |= {"trace": {**trace_carrier(), "made": at.isoformat()}, "effective_at": at, "recorded_at": at}
    return type(event)(stream=event.stream, version=event.version, data=event.data, meta=type(meta)(**values))


def counting_app(store):
    """An app within an app, as the gateway's surfaces are, whose command saves an event."""
    outer, inner = create_app("outer", NoTokens()), create_app("inner", NoTokens())

    @inner.post("/things/{thing}")
    async def count(thing: str) -> None:
        await store.save([caused(counted(thing, 1))])

    @inner.post("/refused")
    async def refuse() -> None:
        raise not_found("thing")

    @inner.get("/things")
    async def things() -> list[str]:
        return []

    outer.mount("/v1", inner)
    return outer


def client_of(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://things")


class NoTokens:
    """The routes above ask for none."""


@pytest.mark.kafka
async def test_one_trace_from_the_request_over_kafka_to_the_projection(
    store, database, things_url, kafka, kafka_context, spans
):
    wakeups = Wakeups(things_url)
    await wakeups.start()
    marks = Marks(kafka_context)
    parts = [
        Relay(
            StoredPublicLog(database, kafka_context), KafkaPublisher(kafka, kafka_context), database, wakeups
        ),
        Consumer(marks, KafkaFeed(kafka, "things"), database),
    ]
    cause = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with client_of(counting_app(store)) as client:
        parent = {"traceparent": f"00-{cause}-00f067aa0ba902b7-01"}
        assert (await client.post("/v1/things/ord_a", headers=parent)).status_code == 200
    tasks = [asyncio.create_task(part.run()) for part in parts]
    await eventually(lambda: marks.trace_ids, within=30)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await wakeups.stop()
    assert marks.trace_ids == {int(cause, 16)}
    names = [span.name for span in spans() if span.context.trace_id == int(cause, 16)]
    assert sorted(names) == sorted(["POST /v1/things/{thing}", f"relay {kafka_context}", "consume marks"])


async def test_a_problem_names_the_trace_it_belongs_to(store, spans):
    async with client_of(counting_app(store)) as client:
        answer = await client.post("/v1/refused")
    (span,) = spans()
    assert answer.json()["instance"] == f"urn:trace:{span.context.trace_id:032x}"
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 404,
        "http.route": "/v1/refused",
    }


async def test_a_span_names_our_ids_of_the_path_and_nothing_else_of_it(store, spans):
    order = api_id(Kind.ORDER, UUID(int=7))
    async with client_of(counting_app(store)) as client:
        await client.post(f"/v1/things/{order}")
        await client.post("/v1/things/ada@example.org")
    named, unnamed = spans()
    assert named.attributes["csp.thing.id"] == order
    assert "ada" not in unnamed.to_json()


async def test_a_request_makes_one_span_and_no_library_adds_its_own(store, spans, monkeypatch):
    libraries = TracerProvider()
    seen = InMemorySpanExporter()
    libraries.add_span_processor(SimpleSpanProcessor(seen))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: libraries)
    async with client_of(counting_app(store)) as client:
        await client.post("/v1/things/ord_a")
    assert [span.name for span in spans()] == ["POST /v1/things/{thing}"]
    assert seen.get_finished_spans() == ()


async def test_the_trace_and_the_callers_correlation_are_answered(store, spans):
    async with client_of(counting_app(store)) as client:
        read = await client.get("/v1/things", headers={"X-Correlation-Id": "ticket-7"})
        told = await client.post("/v1/things/ord_a", headers={"X-Correlation-Id": "ticket-8"})
    (span,) = spans()
    assert (read.headers["X-Correlation-Id"], "traceparent" in read.headers) == ("ticket-7", False)
    assert told.headers.get_list("X-Correlation-Id") == ["ticket-8"]
    assert told.headers["traceparent"].split("-")[1] == f"{span.context.trace_id:032x}"


async def test_a_read_makes_no_span_that_nobody_would_see(store, spans, monkeypatch):
    async with client_of(counting_app(store)) as client:
        await client.get("/v1/things")
        assert spans() == ()
        monkeypatch.setattr(telemetry, "is_exporting", lambda: True)
        await client.get("/v1/things")
    assert [span.name for span in spans()] == ["GET /v1/things"]


async def test_an_old_trace_is_linked_and_not_extended(store, database, spans):
    with telemetry.TRACER.start_as_current_span("long ago") as request:
        cause = request.get_span_context().trace_id
        await store.save([caused(counted("ord_a", 1), at=datetime.now(UTC) - timedelta(days=365))])
    page = await StoredPublicLog(database, "things").read(0, 10)
    with batch_span("replay", page.records):
        pass
    (replay,) = [span for span in spans() if span.name == "consume replay"]
    assert replay.context.trace_id != cause
    assert [link.context.trace_id for link in replay.links] == [cause]


async def test_several_causes_are_linked(store, database, spans):
    causes = []
    for stream in ("ord_a", "ord_b"):
        with telemetry.TRACER.start_as_current_span("request") as request:
            causes.append(request.get_span_context().trace_id)
            await store.save([caused(counted(stream, 1))])
    page = await StoredPublicLog(database, "things").read(0, 10)
    with batch_span("both", page.records):
        pass
    (both,) = [span for span in spans() if span.name == "consume both"]
    assert {link.context.trace_id for link in both.links} == set(causes)
