"""Report cycles, charge cycles and terms on the days that break calendars."""

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp_commerce_rules.charge_cycles import Grid, grid_from, grid_on_day, legacy_anchor, nce_grid
from csp_commerce_rules.coterm import (
    EndDateNotAllowed,
    aligned_last_day,
    check_end_date,
    coterm_grid,
    month_end_last_day,
)
from csp_commerce_rules.days import DayOutOfRange, add_months, first_of_month, months_between
from csp_commerce_rules.report_cycles import Window, window_closing_in, window_of, windows_dated


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def texts(*days: int) -> list[str]:
    return [date.fromordinal(d).isoformat() for d in days]


def month(year: int, number: int) -> int:
    return year * 12 + number - 1


@pytest.mark.parametrize(
    ("close_day", "year", "first", "last", "dated"),
    [
        (15, 2023, "2023-01-16", "2023-02-15", "2023-02-16"),
        (28, 2023, "2023-01-29", "2023-02-28", "2023-03-01"),
        (28, 2024, "2024-01-29", "2024-02-28", "2024-02-29"),
        (29, 2023, "2023-01-30", "2023-02-28", "2023-03-01"),
        (29, 2024, "2024-01-30", "2024-02-29", "2024-03-01"),
        (30, 2024, "2024-01-31", "2024-02-29", "2024-03-01"),
        (31, 2023, "2023-02-01", "2023-02-28", "2023-03-01"),
        (31, 2024, "2024-02-01", "2024-02-29", "2024-03-01"),
    ],
)
def test_the_window_that_closes_in_february(close_day, year, first, last, dated):
    window = window_closing_in(month(year, 2), close_day)
    assert texts(window.first, window.last, window.report_date) == [first, last, dated]


@pytest.mark.parametrize("close_day", range(1, 32))
def test_windows_have_no_gap_and_no_overlap_from_2000_to_2100(close_day):
    windows = [window_closing_in(m, close_day) for m in range(month(2000, 1), month(2101, 1))]
    assert all(later.first == earlier.last + 1 for earlier, later in itertools.pairwise(windows))


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)), st.integers(1, 31))
def test_every_posting_date_is_in_exactly_one_window(on, close_day):
    posted = on.toordinal()
    window = window_of(posted, close_day)
    assert posted in window
    assert posted not in window_of(window.last + 1, close_day)


def test_a_range_of_report_dates_gives_one_window_per_report():
    windows = list(windows_dated(day("2024-03-01"), day("2024-04-30"), 15))
    assert windows == [
        Window(day("2024-02-16"), day("2024-03-15")),
        Window(day("2024-03-16"), day("2024-04-15")),
    ]
    assert list(windows_dated(day("2024-03-17"), day("2024-04-15"), 15)) == []


def test_a_month_step_counts_from_the_original_anchor():
    grid = grid_from(day("2024-01-31"), 1)
    assert texts(*map(grid.start, range(5))) == [
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
        "2024-05-31",
    ]


def test_a_leap_day_returns_in_the_next_leap_year():
    grid = grid_from(day("2024-02-29"), 12)
    assert texts(*map(grid.start, (1, 3, 4))) == ["2025-02-28", "2027-02-28", "2028-02-29"]


def test_the_grid_reaches_back_for_virtual_cycles():
    grid = grid_on_day(30, day("2024-02-10"), 1)
    assert texts(grid.start(0), grid.start(-1)) == ["2024-02-29", "2024-01-30"]


@given(
    st.integers(1, 31),
    st.sampled_from([1, 12, 36]),
    st.dates(date(1990, 1, 1), date(2150, 1, 1)),
    st.booleans(),
)
def test_each_day_lies_in_the_cycle_that_the_index_names(anchor_day, step, on, from_end):
    grid = Grid(month(2020, 5), min(anchor_day, 2) if from_end else anchor_day, step, from_end)
    start, end = grid.cycle(on.toordinal())
    assert start <= on.toordinal() < end
    assert grid.start(grid.index(start)) == start


@pytest.mark.parametrize(
    ("purchased", "term_months", "starts"),
    [
        # W-35: a monthly term clamps and returns to its day; annual ones keep their distance from the month's end.
        ("2021-01-31", 1, ["2021-02-28", "2021-03-31", "2021-04-30"]),
        ("2021-06-30", 1, ["2021-07-30", "2021-08-30", "2021-09-30"]),
        ("2021-01-31", 12, ["2021-02-28", "2021-03-31", "2021-04-30"]),
        ("2021-06-30", 12, ["2021-07-31", "2021-08-31", "2021-09-30"]),
        ("2021-01-30", 12, ["2021-02-27", "2021-03-30", "2021-04-29"]),
        ("2021-01-29", 12, ["2021-02-28", "2021-03-29", "2021-04-29"]),
        ("2023-02-28", 12, ["2023-03-31", "2023-04-30", "2023-05-31"]),
    ],
)
def test_new_commerce_month_ends_follow_the_published_tables(purchased, term_months, starts):
    grid = nce_grid(day(purchased), 1, term_months, "documented_2022")
    assert texts(*map(grid.start, (1, 2, 3))) == starts


def test_month_ends_clamp_where_the_setting_says_so():
    grid = nce_grid(day("2021-06-30"), 1, 12, "clamped")
    assert texts(grid.start(1)) == ["2021-07-30"]


@pytest.mark.parametrize(
    ("purchased", "anchor"),
    [
        ("2018-05-28", "2018-05-28"),
        ("2018-05-29", "2018-06-01"),
        ("2018-12-31", "2019-01-01"),
        ("2020-02-29", "2020-03-01"),
    ],
)
def test_a_legacy_purchase_at_the_end_of_a_month_is_anchored_on_the_first(purchased, anchor):
    assert texts(legacy_anchor(day(purchased))) == [anchor]


def test_coterm_dates_of_the_published_examples():
    assert texts(aligned_last_day(day("2022-07-01"), "P3Y", day("2022-10-01"))) == ["2024-10-01"]
    assert texts(month_end_last_day(day("2022-07-15"), "P3Y")) == ["2025-06-30"]
    assert months_between(day("2022-07-02"), day("2024-10-02")) == 27
    check_end_date(day("2022-03-02"), day("2022-04-02"), "P1M", aligned_to="P1M")
    assert texts(coterm_grid(day("2022-04-30"), 1).start(1)) == ["2022-06-01"]


@pytest.mark.parametrize(
    ("start", "last", "term", "aligned_to"),
    [
        ("2022-03-02", "2022-03-01", "P1M", "P1M"),
        ("2022-03-02", "2022-05-31", "P1M", None),
        ("2022-03-02", "2022-03-15", "P1M", None),
        ("2022-03-02", "2022-03-29", "P1M", "P1Y"),
        ("2022-03-02", "2022-06-15", "P1Y", "P1M"),
    ],
)
def test_end_dates_that_microsoft_refuses(start, last, term, aligned_to):
    with pytest.raises(EndDateNotAllowed):
        check_end_date(day(start), day(last), term, aligned_to)


def test_a_day_beyond_the_tables_is_an_error_not_a_wrong_date():
    with pytest.raises(DayOutOfRange):
        add_months(day("2299-12-31"), 12)
    assert texts(first_of_month(month(2299, 12))) == ["2299-12-01"]
