"""A store of a small made-up context over a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator

import pytest

from csp_runtime.database import Database, DatabaseRole
from csp_runtime.migrate import migrate
from csp_runtime.store import EventStore


@pytest.fixture
def things_url(database_url: str) -> str:
    migrate(database_url, "things", ["csp_runtime"])
    return database_url


@pytest.fixture
def store(things_url: str) -> Iterator[EventStore]:
    opened = EventStore(things_url, "things")
    yield opened
    opened.close()


@pytest.fixture
async def database(things_url: str) -> AsyncIterator[Database]:
    async with Database(things_url, "things", DatabaseRole.WORKER) as opened:
        yield opened
