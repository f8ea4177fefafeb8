"""Structured logs: an event with fields, one line each, with the trace it belongs to."""

import logging
import sys
from typing import Any, TextIO

import structlog

from csp_runtime.telemetry import trace_id


def _add_trace(_: object, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    trace = trace_id()
    if trace is not None:
        fields["trace_id"] = trace
    return fields


class OncePerMinute(logging.Handler):
    """Passes a library's messages on as fields; of messages with the same template one a minute, with the number held back."""

    def __init__(self) -> None:
        super().__init__()
        self._passed_at: dict[tuple[str, str], float] = {}
        self._held_back: dict[tuple[str, str], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        kind = (record.name, str(record.msg))
        if record.created - self._passed_at.get(kind, float("-inf")) < 60:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return
        self._passed_at[kind] = record.created
        logger(record.name).warning(
            "library.warning", text=record.getMessage(), held_back=self._held_back.pop(kind, 0)
        )


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
    kafka = logging.getLogger("aiokafka")
    kafka.handlers = [OncePerMinute()]
    kafka.setLevel(logging.WARNING)
    kafka.propagate = False


def logger(name: str) -> Any:  # structlog's proxy is typed as Any by its own stubs
    """A logger whose lines are events with fields: `log.info("relay.caught-up", context="pricing")`."""
    return structlog.get_logger(source=name)
