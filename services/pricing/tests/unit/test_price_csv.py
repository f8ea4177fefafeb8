"""Price lists as CSV: what an import reads, what it refuses by line and field, and that an export comes back as it was."""

from datetime import date

import pytest

from csp_pricing.domain.price_csv import MOST_LINES, UnreadableCsv, read, template, written
from csp_pricing.domain.wishes import listed

HEADER = "product,term,charge_cycle,segment,currency,unit_price,valid_from,valid_until,preview\n"
GOOD = "P:1,P1Y,P1M,commercial,EUR,12.40,2026-01-01,,no\n"


def faults(text):
    return [(line.line, fault.field, fault.rule) for line in read(text) for fault in line.faults]


def test_a_line_becomes_a_row():
    (line,) = read(HEADER + GOOD)
    assert line.wish is not None
    assert (line.wish.product, line.wish.valid_from, line.wish.valid_until) == ("P:1", date(2026, 1, 1), None)
    assert (line.price, line.faults) == (12_400_000, [])


def test_spreadsheets_of_europe_are_read():
    text = "\ufeff" + (HEADER + GOOD).replace(",", ";").replace("\n", "\r\n")
    assert [line.price for line in read(text)] == [12_400_000]


def test_order_and_optional_columns_do_not_matter():
    text = "unit_price,product,valid_from,currency,charge_cycle,term\n1,P:1,2026-01-01,eur,p1m,p1y\n"
    (line,) = read(text)
    assert line.wish is not None
    assert (line.wish.segment, line.wish.currency, line.wish.preview) == ("commercial", "EUR", False)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("P:2,P1Y,P1M,commercial,EUR,ten,2026-01-01,,no\n", ("unit_price", "decimal")),
        ("P:2,P1Y,P1M,commercial,EUR,-1,2026-01-01,,no\n", ("unit_price", "range")),
        ("P:2,P1Y,P1M,commercial,EUR,,2026-01-01,,no\n", ("unit_price", "missing")),
        ("P:2,P2Y,P1M,commercial,EUR,1,2026-01-01,,no\n", ("term", "choice")),
        ("P:2,P1M,P1Y,commercial,EUR,1,2026-01-01,,no\n", ("charge_cycle", "order")),
        ("P:2,P1Y,P1M,commercial,euro,1,2026-01-01,,no\n", ("currency", "format")),
        ("P:2,P1Y,P1M,commercial,EUR,1,01.02.2026,,no\n", ("valid_from", "date")),
        ("P:2,P1Y,P1M,commercial,EUR,1,2026-01-01,2025-12-31,no\n", ("valid_until", "order")),
        ("P:2,P1Y,P1M,commercial,EUR,1,2026-01-01,,maybe\n", ("preview", "choice")),
        (",P1Y,P1M,commercial,EUR,1,2026-01-01,,no\n", ("product", "missing")),
        ("P:2,P1Y,P1M\n", ("line", "cells")),
    ],
)
def test_a_line_that_cannot_be_is_named_with_field_and_rule(row, expected):
    assert faults(HEADER + GOOD + row) == [(3, *expected)]


def test_every_fault_of_a_line_is_named():
    assert {field for _, field, _ in faults(HEADER + "P:1,P9Y,P1M,x,EUR,-1,2026-01-01,,no\n")} == {
        "term",
        "unit_price",
    }


def test_the_same_row_twice_is_refused_and_the_first_line_named():
    (_, second) = read(HEADER + GOOD + GOOD.replace("12.40", "13"))
    assert second.faults[0].reason == "is the same row as line 2"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lacks columns"),
        ("product,term\n", "lacks columns: charge_cycle"),
        (HEADER.replace("segment", "colour"), "unknown columns: colour"),
        (HEADER.replace("segment", "term"), "doubled columns: term"),
        (HEADER + '"P:1\n', "line 2"),
        (HEADER + GOOD * (MOST_LINES + 1), "more than 20000 rows"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text, says):
    with pytest.raises(UnreadableCsv, match=says):
        read(text)


def test_the_template_is_what_an_import_reads():
    assert read(template()) == []
    assert read(template() + GOOD)[0].faults == []


@pytest.mark.parametrize("product", ["P:1", "=HYPERLINK(1)", "+1", "-1", "@x"])
def test_an_export_comes_back_as_it_was_and_hides_no_formula(product):
    (line,) = read(HEADER + GOOD.replace("P:1", product))
    assert line.wish is not None
    row = listed(line.wish, line.price, price_list_id="prl_a", version=3, customer_id=None)
    text = "".join(written([[(row, "=Premium")]]))
    assert "'=Premium" in text
    assert text.splitlines()[1].split(",")[0] == (product if product == "P:1" else f"'{product}")
    assert read(text)[0].wish == line.wish
