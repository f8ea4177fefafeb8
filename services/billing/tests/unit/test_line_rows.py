"""A stored line is read back as exactly the line it was, whatever is written in it."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from csp_billing.domain.delta import Posting
from csp_billing.domain.lines import Line, LineKey
from csp_billing.line_rows import COLUMNS, line_text, shown_of_text

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
