"""Tables of frozen rows with secondary indexes; every change can be undone until it is committed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table; `id` is compared without regard to case (PC 2.3)."""

    id: str


class Journal:
    """Remembers what a transaction changed: for undoing it, and for storing it."""

    def __init__(self) -> None:
        self._undo: list[tuple[AnyTable, str, Row | None]] = []

    def note(self, table: "AnyTable", key: str, before: Row | None) -> None:
        """Note that `key` of `table` was `before` until now."""
        self._undo.append((table, key, before))

    def mark(self) -> int:
        """Give a point to undo back to."""
        return len(self._undo)

    def undo(self, mark: int = 0) -> list[Row]:
        """Take back what was noted since the mark, latest first; answer the rows that came back."""
        noted = self._undo[mark:]
        del self._undo[mark:]
        for table, key, before in reversed(noted):
            table.set_raw(key, before)
        return [before for _, _, before in noted if before is not None]

    def drain(self) -> set[tuple[str, str]]:
        """Forget the undo information; answer which rows changed, as (kind, key)."""
        changed = {(table.kind, key) for table, key, _ in self._undo}
        self._undo.clear()
        return changed


class AnyTable(Protocol):
    """What journal and store need of a table, whatever its rows are."""

    kind: str

    def set_raw(self, key: str, row: Any) -> None:
        """Set or (None) remove a row without journalling."""

    def encoded(self, key: str) -> bytes | None:
        """Encode the row for storing; None when it is gone."""

    def load(self, doc: bytes) -> None:
        """Put a stored row back, without journalling."""

    def copy_rows(self) -> dict[str, Any]:
        """Copy the rows shallowly (they are frozen)."""

    def replace_rows(self, rows: dict[str, Any]) -> None:
        """Replace all rows, without journalling."""


R = TypeVar("R", bound=Row)


class Table(Generic[R]):
    """Rows of one kind by id, in the order of their making, with indexes that give several rows per value."""

    def __init__(
        self,
        kind: str,
        of: type[R],
        journal: Journal,
        **indexes: Callable[[R], Iterable[str]],
    ) -> None:
        self.kind = kind
        self._of = of
        self._journal = journal
        self._rows: dict[str, R] = {}
        self._index_of = indexes
        self._indexes: dict[str, dict[str, dict[str, None]]] = {name: {} for name in indexes}
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(of)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._rows.values()))

    def get(self, key: str) -> R | None:
        """Give the row, or None."""
        return self._rows.get(key.lower())

    def __getitem__(self, key: str) -> R:
        return self._rows[key.lower()]

    def __contains__(self, key: str) -> bool:
        return key.lower() in self._rows

    def by(self, index: str, value: str) -> list[R]:
        """Give the rows which `index` files under `value`, in the order of their making."""
        return [self._rows[key] for key in self._indexes[index].get(value.lower(), ())]

    def put(self, row: R) -> R:
        """Add the row, or replace the one with its id."""
        key = row.id.lower()
        self._journal.note(self, key, self._rows.get(key))
        self.set_raw(key, row)
        return row

    def remove(self, key: str) -> None:
        """Remove the row, if it is there."""
        key = key.lower()
        if key in self._rows:
            self._journal.note(self, key, self._rows[key])
            self.set_raw(key, None)

    def drop_oldest(self) -> None:
        """Remove the row that was made first."""
        if self._rows:
            self.remove(next(iter(self._rows)))

    def set_raw(self, key: str, row: Any) -> None:
        """Set or (None) remove a row without journalling."""
        before = self._rows.get(key)
        for name, values_of in self._index_of.items():
            old = {value.lower() for value in values_of(before)} if before is not None else set()
            new = {value.lower() for value in values_of(row)} if row is not None else set()
            index = self._indexes[name]
            for value in old - new:
                index[value].pop(key, None)
                if not index[value]:
                    del index[value]
            for value in new - old:
                index.setdefault(value, {})[key] = None
        if row is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row

    def encoded(self, key: str) -> bytes | None:
        """Encode the row for storing; None when it is gone."""
        row = self._rows.get(key)
        return None if row is None else self._encoder.encode(row)

    def load(self, doc: bytes) -> None:
        """Put a stored row back, without journalling."""
        row = self._decoder.decode(doc)
        self.set_raw(row.id.lower(), row)

    def copy_rows(self) -> dict[str, Any]:
        """Copy the rows shallowly (they are frozen)."""
        return dict(self._rows)

    def replace_rows(self, rows: dict[str, Any]) -> None:
        """Replace all rows, without journalling."""
        self._rows = {}
        self._indexes = {name: {} for name in self._index_of}
        for key, row in rows.items():
            self.set_raw(key, row)
