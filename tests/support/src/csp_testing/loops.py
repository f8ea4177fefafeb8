"""A loop for tests that are no coroutines themselves, as properties are."""

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Runs coroutines one after the other, on one loop."""
    with asyncio.Runner() as running:
        yield running
