"""A real PostgreSQL for tests: one server per test process, one database per test.

A migrated database is a copy: the migrations run once per test process, and copying what they made takes a tenth of it.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import conninfo

from csp_runtime.embedded_postgres import EmbeddedPostgres
from csp_runtime.migrate import migrate
from csp_testing.memory import passing_folder

Schema = tuple[str, Sequence[str]]
"""A schema and the packages whose migrations make it, as `migrate` takes them."""


class Databases:
    """Databases of a test process on a server; all have names of this process, and are dropped by who asked for them."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._migrated: dict[tuple[Schema, ...], str] = {}

    def url(self, name: str) -> str:
        """Where a database answers."""
        return conninfo.make_conninfo(self.server, dbname=name)

    def create(self, template: str = "template1") -> str:
        """The name of a new database, a copy of another one that nobody is connected to."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        # Copying files is quicker than logging pages where the server need not be durable.
        self._execute(f"create database {name} template {template} strategy file_copy")
        return name

    def migrated(self, *schemas: Schema) -> str:
        """The name of a template with these schemas; nobody may connect to it."""
        if schemas not in self._migrated:
            name = self.create()
            for schema, packages in schemas:
                migrate(self.url(name), schema, packages)
            self._migrated[schemas] = name
        return self._migrated[schemas]

    def drop(self, name: str) -> None:
        """Throw out who is connected, and drop it."""
        self._execute(f"drop database if exists {name} with (force)")

    def drop_templates(self) -> None:
        """What `migrated` has made."""
        for name in self._migrated.values():
            self.drop(name)

    @contextmanager
    def lent(self, *schemas: Schema) -> Iterator[str]:
        """The URL of a database with these schemas, dropped afterwards; without any, of an empty one."""
        name = self.create(self.migrated(*schemas)) if schemas else self.create()
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server that ends with the tests; `CSP_TEST_DATABASE_URL` brings one's own."""
    given = os.environ.get("CSP_TEST_DATABASE_URL")
    if given is not None:
        yield given
        return
    with passing_folder() as folder:
        server = EmbeddedPostgres(folder / "server", durable=False)
        try:
            with server:
                yield server.url
        finally:
            server.remove()


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> Iterator[Databases]:
    """The databases of this test process."""
    made = Databases(postgres_server)
    try:
        yield made
    finally:
        made.drop_templates()


def database_with(*schemas: Schema) -> Callable[..., Iterator[str]]:
    """A fixture: the URL of a database of the test's own with these schemas; without any, an empty one."""

    @pytest.fixture
    def lent(databases: Databases) -> Iterator[str]:
        with databases.lent(*schemas) as url:
            yield url

    return lent


database_url = database_with()
