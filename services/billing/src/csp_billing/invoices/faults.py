"""Why a file is refused: the row, the column and the rule. A file is taken whole or not at all."""

from csp_runtime.problems import InvalidParameter, Problem


class FileRefused(Exception):
    """The first thing that is wrong. `row` counts data rows from 1 and is 0 for the file as a whole.

    Never carries a cell's value: a shifted column may hold anything.
    """

    def __init__(self, rule: str, reason: str, *, row: int = 0, column: str = "") -> None:
        self.rule = rule
        self.reason = reason
        self.row = row
        self.column = column
        super().__init__(f"{self.where}: {reason} [{rule}]")

    @property
    def where(self) -> str:
        """The place in words."""
        if self.row and self.column:
            return f"row {self.row}, column {self.column}"
        return f"row {self.row}" if self.row else f"column {self.column}" if self.column else "file"

    def as_problem(self) -> Problem:
        """The refusal as an answer."""
        parameter = InvalidParameter(field=self.where, rule=self.rule, reason=self.reason)
        return Problem(
            "validation",
            "The file is refused whole; nothing of it was taken",
            str(self),
            invalid=[parameter],
            extra={"row": self.row or None, "column": self.column or None},
        )
