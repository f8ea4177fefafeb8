"""Reports as a reseller wishes his customers to read them: each change as one line (section 19), a piece at a time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby

from csp_billing.domain.presentation import collapse
from csp_billing.domain.taxes import LineTax, LineTaxes
from csp_billing.ports import ShownLine
from csp_billing.settling.line_rows import line_text, shown_of_text


def collapsed_lines(lines: Iterable[ShownLine]) -> list[ShownLine]:
    """The lines of a report with its pairs collapsed, in report order."""
    return [line for piece in CollapsedPieces([list(lines)], {}) for line in piece]


def lines_of(texts: Iterable[Sequence[str]]) -> Iterator[Sequence[ShownLine]]:
    """The lines that rows of `line_text` were made of."""
    return ([shown_of_text(text) for text in piece] for piece in texts)


class CollapsedPieces:
    """The lines of a report, those of a service day of a subscription at a time; iterated once.

    `taxes` is filled on the way: a line that stands for two has the tax of both.
    """

    def __init__(self, pieces: Iterable[Sequence[ShownLine]], taxes: LineTaxes) -> None:
        """`pieces` in report order, `taxes` by the places of their lines."""
        self._pieces = pieces
        self._posted_taxes = taxes
        self.taxes: dict[int, LineTax] = {}

    def __iter__(self) -> Iterator[Sequence[ShownLine]]:
        posted = shown = 0
        for _, group in groupby(chain.from_iterable(self._pieces), key=_together):
            lines = list(group)
            piece: list[ShownLine] = []
            for posting, of in collapse(line.posting for line in lines):
                shown += 1
                piece.append(lines[of[-1]]._replace(posting=posting))
                taxes = [tax for i in of if (tax := self._posted_taxes.get(posted + i + 1)) is not None]
                if taxes:
                    self.taxes[shown] = LineTax(taxes[-1].basis_points, sum(tax.minor for tax in taxes))
            posted += len(lines)
            yield piece

    def texts(self) -> Iterator[Sequence[str]]:
        """The same as rows of `line_text`."""
        place = 0
        for piece in self:
            yield [
                line_text(each.posting, each.title, place + i, each.due) for i, each in enumerate(piece, 1)
            ]
            place += len(piece)


def _together(shown: ShownLine) -> tuple[int, str, int]:
    """What both lines of a pair have in common, and what stands together in a report."""
    line = shown.posting.line
    return line.posted, line.subscription, line.start
