"""Keeps the tables in one SQLite file, so that a restart or a crash loses nothing that was acknowledged."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from csp_partner_center_simulator.state.table import AnyTable

SCHEMA = """
create table if not exists row (number integer primary key, kind text not null, key text not null,
                                doc blob not null, unique (kind, key));
create table if not exists snapshot (name text not null, number integer not null, kind text not null,
                                     key text not null, doc blob not null, primary key (name, number));
"""


class Store:
    """One write transaction per answered request; its cost grows with what changed, not with what is there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            folder / "simulator.sqlite3", isolation_level=None, check_same_thread=False
        )
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def load(self, tables: Mapping[str, AnyTable]) -> int:
        """Fill the tables with the stored rows; answer how many there were."""
        count = 0
        for kind, doc in self._db.execute("select kind, doc from row order by number"):
            if kind in tables:
                tables[kind].load(doc)
                count += 1
        return count

    def write(self, tables: Mapping[str, AnyTable], changed: Iterable[tuple[str, str]]) -> None:
        """Store the changed rows in one transaction."""
        self._db.execute("begin immediate")
        try:
            for kind, key in changed:
                doc = tables[kind].encoded(key)
                if doc is None:
                    self._db.execute("delete from row where kind = ? and key = ?", (kind, key))
                else:
                    self._db.execute(
                        "insert into row (kind, key, doc) values (?, ?, ?)"
                        " on conflict (kind, key) do update set doc = excluded.doc",
                        (kind, key, doc),
                    )
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def rewrite(self, tables: Mapping[str, AnyTable]) -> None:
        """Replace everything stored by what the tables hold now (reset, restore, first start)."""
        self._db.execute("begin immediate")
        try:
            self._db.execute("delete from row")
            for kind, table in tables.items():
                self._db.executemany(
                    "insert into row (kind, key, doc) values (?, ?, ?)",
                    ((kind, key, table.encoded(key)) for key in table.copy_rows()),
                )
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def save_snapshot(self, name: str) -> None:
        """Copy all stored rows under a name, replacing an older snapshot of that name."""
        self._db.execute("begin immediate")
        self._db.execute("delete from snapshot where name = ?", (name,))
        self._db.execute("insert into snapshot select ?, number, kind, key, doc from row", (name,))
        self._db.execute("commit")

    def snapshots(self) -> list[str]:
        """Name the stored snapshots."""
        return [name for (name,) in self._db.execute("select distinct name from snapshot order by name")]

    def restore_snapshot(self, name: str) -> bool:
        """Make the stored rows those of a snapshot; False when there is none of that name."""
        if name not in self.snapshots():
            return False
        self._db.execute("begin immediate")
        self._db.execute("delete from row")
        self._db.execute(
            "insert into row select number, kind, key, doc from snapshot where name = ?", (name,)
        )
        self._db.execute("commit")
        return True
