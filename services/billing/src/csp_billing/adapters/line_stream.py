"""Lines of issued reports by COPY, a piece at a time: any number of them in constant memory."""

from collections.abc import Iterator, Sequence

import psycopg
from psycopg_pool import ConnectionPool

from csp_billing.ports import ReportKey, ShownLine
from csp_billing.settling.line_rows import COLUMNS, shown_of_text
from csp_runtime.database import DatabaseRole, connection_info
from csp_runtime.scope import Scope

LINES_A_PIECE = 500


class LineStream:
    """Reads in the role of requests, under row-level security, from threads."""

    def __init__(self, url: str, schema: str) -> None:
        self._pool: ConnectionPool[psycopg.Connection] = ConnectionPool(
            connection_info(url, schema, DatabaseRole.REQUEST),
            min_size=0,
            max_size=4,
            open=False,
            timeout=5.0,
            check=ConnectionPool.check_connection,
            name=f"{schema}-exports",
        )

    def open(self) -> None:
        """Open the pool; connections come as they are needed."""
        self._pool.open()

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def lines(self, scope: Scope, key: ReportKey) -> Iterator[Sequence[ShownLine]]:
        """The lines of an issued report in report order. The caller has found the report in its scope."""
        return ([shown_of_text(text) for text in piece] for piece in self.texts(scope, key))

    def texts(self, scope: Scope, key: ReportKey) -> Iterator[Sequence[str]]:
        """The same as they are stored: rows of `line_text`."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(
                "select set_config('csp.reseller', %s, true), set_config('csp.customer', %s, true)",
                [scope.reseller, scope.customer or ""],
            )
            statement = (
                f"copy (select {COLUMNS} from report_lines where reseller_id = %s and customer_id = %s "
                "and report_id = %s and dated_on = %s order by position) to stdout"
            )
            values = [key.reseller, key.customer_id, key.report_id, key.until_on]
            rest, piece = "", list[str]()
            with connection.cursor().copy(statement, values) as copy:
                for block in copy:
                    *rows, rest = (rest + bytes(block).decode()).split("\n")
                    piece += rows
                    if len(piece) >= LINES_A_PIECE:
                        yield piece
                        piece = []
            if piece:
                yield piece
