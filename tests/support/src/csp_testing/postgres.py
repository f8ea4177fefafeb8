"""A real PostgreSQL for tests: one server per test process, one database per test."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from csp_runtime.embedded_postgres import EmbeddedPostgres

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that ends with the tests; `CSP_TEST_DATABASE_URL` brings one's own."""
    given = os.environ.get("CSP_TEST_DATABASE_URL")
    if given is not None:
        yield given
        return
    folder: Path = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(folder / "server", durable=False)
    try:
        with server:
            yield server.url
    finally:
        server.remove()


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """An empty database of the test's own."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    try:
        yield conninfo.make_conninfo(postgres_server, dbname=name)
    finally:
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"drop database if exists {name} with (force)".encode())
