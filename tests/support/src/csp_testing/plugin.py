"""The pytest plugin: fixtures that every member's tests may ask for."""

import pytest

from csp_testing.helm import helm
from csp_testing.kafka import kafka, kafka_bootstrap, kafka_context, kafka_server
from csp_testing.loops import runner
from csp_testing.node import node_packages
from csp_testing.postgres import database_url, databases, postgres_server
from csp_testing.running import data_folder
from csp_testing.sdks import graph_sdk, partner_sdk

__all__ = [
    "data_folder",
    "database_url",
    "databases",
    "graph_sdk",
    "helm",
    "kafka",
    "kafka_bootstrap",
    "kafka_context",
    "kafka_server",
    "node_packages",
    "partner_sdk",
    "postgres_server",
    "runner",
]

_LONG = 40


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need the shared broker run in one process, so that only one broker is started."""
    for item in items:
        if item.get_closest_marker("kafka") is not None:
            item.add_marker(pytest.mark.xdist_group("kafka"))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Long bytes are named by their length: compressed ones hold the second they were made, and processes must agree."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > _LONG else None
