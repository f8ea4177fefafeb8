"""Logs are events with fields; a library that repeats itself does not flood them."""

import io
import json
import logging

import pytest
import structlog

from csp_runtime.logs import configure_logs, logger


@pytest.fixture
def lines():
    stream = io.StringIO()
    kafka, before = logging.getLogger("aiokafka"), logging.getLogger("aiokafka").handlers
    configure_logs(json=True, stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    kafka.handlers, kafka.propagate = before, True
    kafka.setLevel(logging.NOTSET)


def test_a_line_is_an_event_with_fields(lines):
    logger("here").info("relay.caught-up", context="pricing")
    (line,) = lines()
    assert (line["event"], line["context"], line["level"]) == ("relay.caught-up", "pricing", "info")


def test_a_library_that_repeats_itself_is_heard_once_a_minute(lines):
    client = logging.getLogger("aiokafka.client")
    for attempt in range(100):
        client.error("Unable to connect to node %s", attempt)
    client.warning("Something else")
    assert [line["text"] for line in lines()] == ["Unable to connect to node 0", "Something else"]
