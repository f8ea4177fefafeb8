"""A stored line is read back as exactly the line it was, whatever is written in it."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp_billing.domain import facts as f
from csp_billing.domain.delta import Posting
from csp_billing.domain.fold import fold
from csp_billing.domain.lines import Line, LineKey
from csp_billing.domain.plain import Plain, advance
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import rules_for
from csp_billing.ports import ShownLine, report_order
from csp_billing.settling.line_rows import (
    COLUMNS,
    line_text,
    shown_of_text,
    text_behind_position,
)
from csp_billing.settling.plain_positions import MARK, fees_of
from csp_billing.settling.positions import Position, pack_position, position_after, unpack_position
from csp_commerce_rules.prices import PriceRow

BOUGHT = date(2024, 1, 10).toordinal()
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
keys = st.builds(LineKey, st.integers(0, 500), texts, texts)
days = st.integers(date(2000, 1, 1).toordinal(), date(2100, 1, 1).toordinal())
lines = st.builds(
    Line,
    key=keys,
    subscription=st.just("sub_a"),
    product=texts,
    kind=st.sampled_from(["cycle_fee", "pro_rata", "refund", "adjustment"]),
    reason=st.sampled_from(["purchase", "cycle", "cancel"]),
    posted=days,
    start=days,
    end=days,
    quantity=st.integers(0, 10**9),
    unit_price=st.none() | st.integers(0, 10**15),
    amount=st.integers(-(10**15), 10**15),
    days=st.integers(0, 1100),
    of_days=st.integers(0, 1100),
    discount=st.integers(-(10**9), 10**9),
    price_ref=texts,
    rule=st.sampled_from(["R4.1", "R5.4", "6.2"]),
    caused_by=st.lists(texts, min_size=0, max_size=3).map(tuple),
    reverses=st.none() | keys,
)


@given(lines, texts, st.booleans(), st.booleans(), days)
def test_text_and_line_are_each_others_inverse(line, title, late, undoes, due):
    posting = Posting(line, 3, late, line.reverses if undoes else None)

    text = line_text(posting, title, 7, due)

    assert "\n" not in text
    assert len(text.split("\t")) == len(COLUMNS.split(", "))
    assert shown_of_text(text) == (posting, title, due)


def _plain_after(bought, quantity, price, frequency, promotion, cause, ref, product="P1"):
    """The checkpoint two months after a purchase."""
    fact = f.Started(
        id=cause, seq=1, day=bought, recorded=bought, product=product, quantity=quantity, promotion=promotion
    )
    book = PriceBook([PriceRow(product=product, unit_price=price, ref=ref)])
    rules = rules_for("nce", frequency=frequency)
    return fold("sub_a", [fact], None, bought + 62, rules=rules, price_book=book)[1]


plains = st.builds(
    _plain_after,
    bought=st.integers(date(2023, 1, 1).toordinal(), date(2024, 12, 31).toordinal()),
    quantity=st.integers(1, 500),
    price=st.integers(0, 10**9),
    frequency=st.sampled_from(["P1M", "P1Y"]),
    promotion=st.sampled_from([0, 12_50, 100_00]),
    cause=st.sampled_from(["sub_a:1", "null"]) | texts.filter(bool),
    ref=st.sampled_from(["spr_a/1", "a|b"]) | texts,
    product=st.sampled_from(["P1", "CFQ7TTC0LCHC:0002", "P\t1", "P\\1"]),
)


@given(plains, texts, st.integers(0, 420))
def test_the_text_of_a_plain_position_gives_the_texts_of_its_lines_and_the_next_position(plain, title, days):
    if not isinstance(plain, Plain):
        return
    until = plain.day + days
    lines, moved = advance("sub_a", plain, until)
    text = pack_position(Position(7, ahead=False, prices=None, checkpoint=plain))

    assert unpack_position(text) == Position(7, ahead=False, prices=None, checkpoint=plain)
    if not text.startswith(MARK):
        unusual = re.search(r"[^\w:./-]", plain.product + plain.price_ref + plain.cause, re.ASCII)
        assert unusual or plain.cause.upper() == "NULL"
        return
    fees = fees_of(text, "sub_a", title, until, 9)
    if fees is None:
        assert moved.day < until
        return
    rows, amount, next_position = fees
    shown = [ShownLine(Posting(line, 1, late=False), title, line.posted) for line in lines]
    assert rows == [
        (*report_order(each), text_behind_position(each.posting, each.title, each.due)) for each in shown
    ]
    assert amount == sum(line.amount for line in lines)
    assert next_position == pack_position(Position(9, ahead=False, prices=None, checkpoint=moved))


def test_the_position_of_a_usual_subscription_is_text_that_needs_no_decoding():
    plain = _plain_after(738_900, 3, 11_700_000, "P1M", 0, "sub_a:1", "spr_a/1")

    assert pack_position(Position(7, ahead=False, prices=None, checkpoint=plain)).startswith(MARK)


@pytest.mark.parametrize(
    ("rule_set", "happens", "becomes"),
    [
        ("nce", None, "plain"),
        ("nce", f.QuantityChanged(id="sub_a:2", seq=2, day=BOUGHT + 40, recorded=0, quantity=9), "soon"),
        ("nce", f.Suspended(id="sub_a:2", seq=2, day=BOUGHT + 40, recorded=0), "plain"),
        ("legacy_anniversary", None, "soon"),
        ("legacy_anniversary", f.Suspended(id="sub_a:2", seq=2, day=BOUGHT + 40, recorded=0), "state"),
    ],
)
def test_one_that_goes_on_by_itself_is_text_and_no_other(rule_set, happens, becomes):
    started = f.Started(id="sub_a:1", seq=1, day=BOUGHT, recorded=BOUGHT, product="P1", quantity=3)
    facts, until = ([started], BOUGHT + 20) if happens is None else ([started, happens], BOUGHT + 50)
    rules, row = rules_for(rule_set), PriceRow(product="P1", unit_price=11_700_000, ref="spr_a/1")
    row = row._replace(frequency="P1M")
    checkpoint = fold("sub_a", facts, None, until, rules=rules, price_book=PriceBook([row]))[1]
    position = position_after(checkpoint, [row], watermark=7, ahead=False, rules=rules)
    text = pack_position(position)

    assert unpack_position(text) == position._replace(soon=None)
    assert text.startswith(MARK) == (becomes != "state")
    assert isinstance(checkpoint, Plain) == (becomes == "plain")
    fees = fees_of(text, "sub_a", "T", until + 31, 9)
    assert (fees is not None and len(fees[0]) == 1) == (becomes != "state")
    # Before its next cycle nothing of it is plain but what was plain before.
    assert (fees_of(text, "sub_a", "T", until + 1, 9) is not None) == (becomes == "plain")
