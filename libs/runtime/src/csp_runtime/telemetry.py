"""OpenTelemetry: one trace from the HTTP request through store, relay, feed and consumer to the projection."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Link, SpanKind

from csp_runtime.feed import FeedRecord

TRACER = trace.get_tracer("csp")

RESELLER = "csp.reseller.id"
SUBJECT = "csp.subject.id"
OPERATION = "csp.operation.id"
OPERATION_KIND = "csp.operation.kind"
CONSUMER = "csp.consumer.name"
CONTEXT = "csp.context.name"
EVENTS = "csp.events.count"

_MOST_LINKS = 32
_OLD = timedelta(minutes=10)
_exporters: list[SpanExporter] = []


def configure_telemetry(service: str, *, otlp_endpoint: str | None, console: bool = False) -> None:
    """Set up the process's tracer; without an endpoint spans are made, and go nowhere."""
    provider = TracerProvider(resource=Resource.create({"service.name": f"csp-{service}"}))
    exporter: SpanExporter | None = None
    if otlp_endpoint is not None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - slow to import
            OTLPSpanExporter,
        )

        exporter = OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces")
    elif console:
        exporter = ConsoleSpanExporter()
    if exporter is not None:
        _exporters.append(exporter)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def is_exporting() -> bool:
    """Whether somebody sees this process's spans."""
    return bool(_exporters)


def trace_id() -> str | None:
    """The trace that is present, as problems, logs and operations name it; None where none is kept."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def trace_carrier() -> dict[str, str]:
    """The current trace as text, to be stored with an event; `made` is real time, whatever the business clock says."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    if carrier:
        carrier["made"] = datetime.now(UTC).isoformat(timespec="seconds")
    return carrier


def extracted(carrier: dict[str, str]) -> Context | None:
    """The stored trace as a parent, while it is fresh; None for none."""
    if not carrier:
        return None
    made = carrier.get("made")
    if made is not None and datetime.now(UTC) - datetime.fromisoformat(made) > _OLD:
        return None
    return propagate.extract(carrier)


@contextmanager
def batch_span(consumer: str, records: Sequence[FeedRecord]) -> Iterator[None]:
    """A span for a consumed batch."""
    attributes: dict[str, str | int] = {CONSUMER: consumer, EVENTS: len(records)}
    with _span_of(records, f"consume {consumer}", SpanKind.CONSUMER, attributes):
        yield


@contextmanager
def relay_span(context: str, records: Sequence[FeedRecord]) -> Iterator[None]:
    """A span for a published batch."""
    attributes: dict[str, str | int] = {CONTEXT: context, EVENTS: len(records)}
    with _span_of(records, f"relay {context}", SpanKind.PRODUCER, attributes):
        yield


@contextmanager
def _span_of(
    records: Sequence[FeedRecord], name: str, kind: SpanKind, attributes: Mapping[str, str | int]
) -> Iterator[None]:
    """Child of the trace of a fresh single cause, linked to the others.

    Who re-reads old events must not extend year-old traces: those are only linked.
    """
    carriers = {record.meta.trace.get("traceparent", ""): record for record in records if record.meta.trace}
    links = [
        Link(trace.get_current_span(propagate.extract(record.meta.trace)).get_span_context())
        for record in list(carriers.values())[:_MOST_LINKS]
    ]
    parent = None
    if len(carriers) == 1:
        (record,) = carriers.values()
        if datetime.now(UTC) - _traced_at(record) < _OLD:
            parent = propagate.extract(record.meta.trace)
    with TRACER.start_as_current_span(name, context=parent, kind=kind, links=links, attributes=attributes):
        yield


def _traced_at(record: FeedRecord) -> datetime:
    """When the record was made in real time; business time may have been moved by a simulator's clock."""
    text = record.meta.trace.get("made")
    return datetime.fromisoformat(text) if text else record.meta.recorded_at
