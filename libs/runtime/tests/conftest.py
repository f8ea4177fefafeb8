"""A store of a small made-up context over a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator

import pytest

from csp_runtime.database import Database, DatabaseRole
from csp_runtime.store import EventStore
from csp_testing.postgres import database_with

things_url = database_with(("things", ("csp_runtime",)))


@pytest.fixture
def store(things_url: str) -> Iterator[EventStore]:
    opened = EventStore(things_url, "things")
    yield opened
    opened.close()


@pytest.fixture
async def database(things_url: str) -> AsyncIterator[Database]:
    async with Database(things_url, "things", DatabaseRole.WORKER) as opened:
        yield opened
