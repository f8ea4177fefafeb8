"""Tax of a report: by rate, on the sum of its lines, rounded once (R11.3); spread on the lines for export (R4.7)."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from csp_commerce_rules.money import format_decimal
from csp_commerce_rules.spreading import spread_tax, tax_of


class Rate(NamedTuple):
    """A rate in hundredths of a percent from a day on."""

    from_day: int
    basis_points: int


class Rated(NamedTuple):
    """A line with the rate that it is taxed at; `net` in minor units."""

    position: int
    net: int
    basis_points: int


class LineTax(NamedTuple):
    """A line's part of its rate's tax, in minor units."""

    basis_points: int
    minor: int

    @property
    def percent(self) -> str:
        """The rate as decimal text: 1900 is `19.00`."""
        return format_decimal(self.basis_points, 2)


LineTaxes = Mapping[int, LineTax]
"""Of a report by the place of its lines, from 1; empty where there is no tax."""


class TaxGroup(NamedTuple):
    """All lines of one rate."""

    basis_points: int
    net: int
    tax: int


def rate_on(rates: Sequence[Rate], day: int) -> int:
    """The rate of a day, of rates in order; before the first one there is no tax."""
    place = bisect_right(rates, day, key=lambda rate: rate.from_day)
    return rates[place - 1].basis_points if place else 0


def groups(lines: Sequence[Rated]) -> list[TaxGroup]:
    """The lines by rate, lowest first."""
    nets: dict[int, int] = {}
    for line in lines:
        nets[line.basis_points] = nets.get(line.basis_points, 0) + line.net
    return [TaxGroup(rate, net, tax_of(net, rate)) for rate, net in sorted(nets.items())]


def by_line(lines: Sequence[Rated]) -> dict[int, LineTax]:
    """The tax of each line by its position: the parts of each group sum to the group's tax."""
    found: dict[int, LineTax] = {}
    for rate in {line.basis_points for line in lines}:
        members = [line for line in lines if line.basis_points == rate]
        for line, tax in zip(members, spread_tax([each.net for each in members], rate), strict=True):
            found[line.position] = LineTax(rate, tax)
    return found
