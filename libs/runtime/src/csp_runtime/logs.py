"""Structured logs: an event with fields, one line each, with the trace it belongs to."""

import logging
import sys
from typing import Any, TextIO

import structlog
from opentelemetry import trace


def _add_trace(_: object, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        fields["trace_id"] = format(context.trace_id, "032x")
    return fields


def configure_logs(*, json: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Set up the process's logs; JSON for machines, one short line for people."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream or sys.stderr)
    # One line per retry would flood the log in an outage.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def logger(name: str) -> Any:  # structlog's proxy is typed as Any by its own stubs
    """A logger whose lines are events with fields: `log.info("relay.caught-up", context="pricing")`."""
    return structlog.get_logger(source=name)
