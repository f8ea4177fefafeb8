"""Forward-only SQL migrations of one schema, in its own roles.

Files are `NNNN_name.sql`, applied in order, each once, each in its own transaction. `$schema`, `$owner`, `$request` and
`$worker` stand for the schema and the names of its roles.
"""

import string
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import psycopg
from psycopg import sql

from csp_runtime.database import DatabaseRole

_LOCK = 7_206_553_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file."""

    name: str
    text: str


def migrations_in(package: str) -> list[Migration]:
    """The migrations of a package's `migrations` folder, in order."""
    folder: Traversable = files(package) / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return [
        Migration(name=f"{package}/{entry.name}", text=entry.read_text(encoding="utf-8"))
        for entry in sorted(found, key=lambda entry: entry.name)
    ]


def migrate(url: str, schema: str, packages: Iterable[str]) -> list[str]:
    """Bring a schema up to date; returns the names of what was applied.

    Safe to run from several processes at once. Raises `psycopg.Error` where a statement fails; what came before it stays.
    """
    applied: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        _make_roles(connection, schema)
        done = {row[0] for row in connection.execute(_identified("select name from {s}.migrations", schema))}
        for package in packages:
            for migration in migrations_in(package):
                if migration.name not in done:
                    _apply(connection, schema, migration)
                    applied.append(migration.name)
    return applied


def _make_roles(connection: psycopg.Connection, schema: str) -> None:
    for role in DatabaseRole:
        name = role.named(schema)
        if connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(name)))
            connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(name)))
    owner = sql.Identifier(DatabaseRole.OWNER.named(schema))
    connection.execute(
        sql.SQL("create schema if not exists {} authorization {}").format(sql.Identifier(schema), owner)
    )
    for role in (DatabaseRole.REQUEST, DatabaseRole.WORKER):
        connection.execute(
            sql.SQL("grant usage on schema {} to {}").format(
                sql.Identifier(schema), sql.Identifier(role.named(schema))
            )
        )
    connection.execute(
        _identified(
            "create table if not exists {s}.migrations (name text primary key, applied_at timestamptz not null default now())",
            schema,
        )
    )


def _apply(connection: psycopg.Connection, schema: str, migration: Migration) -> None:
    names = {str(role): role.named(schema) for role in DatabaseRole}
    text = string.Template(migration.text).substitute(names, schema=schema)
    with connection.transaction():
        connection.execute(_identified("set local search_path to {s}, public", schema))
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(names["owner"])))
        connection.execute(text.encode())
        connection.execute("reset role")
        connection.execute(
            _identified("insert into {s}.migrations (name) values (%s)", schema), [migration.name]
        )


def _identified(statement: str, schema: str) -> sql.Composed:
    return sql.SQL(statement).format(s=sql.Identifier(schema))
