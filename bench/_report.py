"""One line per figure: what, the limit it is measured against in the same run, the ratio, the aim."""

import argparse
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from csp_runtime.logs import configure_logs


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value and its limit, both in `unit`; `aim` is what the ratio should reach (`≥ 0.6`) or keep (`≤ 3`)."""

    name: str
    figure: float
    limit: float
    limit_name: str
    unit: str
    aim: str

    @property
    def ratio(self) -> float:
        """Figure ÷ limit."""
        return self.figure / self.limit


def arguments(description: str, *, events: int) -> argparse.Namespace:
    """The options that every bench has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--events", type=int, default=events, help="how many events (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds; the best of each counts (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    configure_logs(json=False, level="error")
    return given


def report(figures: list[Figure], to: Path | None) -> None:
    """Print the table and the JSON."""
    print(f"{'':<22}{'measured':>12}{'limit':>12}  {'unit':<10}{'ratio':>7}{'aim':>8}  limit is")
    for one in figures:
        digits = 2 if one.figure < 100 else 0
        print(
            f"{one.name:<22}{one.figure:>12,.{digits}f}{one.limit:>12,.{digits}f}  {one.unit:<10}{one.ratio:>7.2f}{one.aim:>8}  "
            f"{one.limit_name}"
        )
    document = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "figures": [{**asdict(one), "ratio": round(one.ratio, 3)} for one in figures],
    }
    text = json.dumps(document)
    print(text)
    if to is not None:
        to.write_text(text + "\n", encoding="utf-8")
