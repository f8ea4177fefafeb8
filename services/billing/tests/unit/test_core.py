"""The parts of the core that a story does not show: checkpoints, ledgers, ids, bounds, explanations."""

from dataclasses import fields
from datetime import UTC, date, datetime

import pytest

from csp_billing.domain import facts as f
from csp_billing.domain.bounds import broken_bounds
from csp_billing.domain.delta import Issued, delta, pending, remember
from csp_billing.domain.explain import sentence
from csp_billing.domain.fold import fold
from csp_billing.domain.ledgers import facts_for, line_id, rules_on
from csp_billing.domain.lines import LineKey
from csp_billing.domain.plain import Plain, plain_of, state_of
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import rules_for
from csp_billing.domain.state import Charge, Edit, Segment, State, copy_of
from csp_billing.settling.positions import (
    VERSION,
    Position,
    PositionUnreadable,
    pack_position,
    unpack_position,
)
from csp_commerce_rules.charge_cycles import Grid
from csp_commerce_rules.prices import PriceRow
from csp_commerce_rules.seat_lots import SeatLot


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def known(text: str, seq: int) -> dict:
    return {"id": f"e{seq}", "seq": seq, "day": day(text), "recorded": day(text)}


BOUGHT = f.Started(**known("2024-01-10", 1), product="P1", quantity=5)
BOOK = PriceBook([PriceRow(product="P1", unit_price=10_000_000)])
NCE = rules_for("nce")


def folded(facts, until, checkpoint=None, rules=NCE, book=BOOK):
    lines, checkpoint, _ = fold("S1", facts, checkpoint, day(until), rules=rules, price_book=book)
    return lines, checkpoint


def test_a_subscription_to_which_nothing_happens_is_plain_and_pays_one_fee_a_cycle():
    lines, checkpoint = folded([BOUGHT], "2024-02-29")
    assert isinstance(checkpoint, Plain)
    more, later = folded([], "2027-06-30", checkpoint)
    assert (lines + more, later) == folded([BOUGHT], "2027-06-30")
    assert len(lines + more) == 42
    assert [line.reason for line in more if line.reason != "cycle"] == ["renew"] * 3


@pytest.mark.parametrize(
    "bought",
    [
        f.Started(**known("2023-06-30", 1), product="P1", quantity=5),
        f.Started(**known("2023-06-29", 1), product="P1", quantity=5),
        f.Started(**known("2023-06-10", 1), product="P1", quantity=5, promotion=12_50),
    ],
)
def test_month_ends_and_promotions_are_plain_too(bought):
    lines, checkpoint = folded([bought], "2023-08-15")
    assert isinstance(checkpoint, Plain)
    more, later = folded([], "2024-09-15", checkpoint)
    assert (lines + more, later) == folded([bought], "2024-09-15")


@pytest.mark.parametrize(("price", "promotion", "shown"), [(10_000_000, 100_00, True), (1_000, 0, False)])
def test_a_fee_of_zero_is_shown_or_not_whether_the_checkpoint_is_plain_or_not(price, promotion, shown):
    book = PriceBook([PriceRow(product="P1", unit_price=price)])
    bought = f.Started(**known("2024-01-10", 1), product="P1", quantity=1, promotion=promotion)
    lines, checkpoint = folded([bought], "2024-02-29", book=book)
    assert isinstance(checkpoint, Plain)
    more, later = folded([], "2024-12-31", checkpoint, book=book)
    assert (lines + more, later) == folded([bought], "2024-12-31", book=book)
    assert len(lines + more) == (12 if shown else 0)


MOMENT = datetime(2024, 3, 1, tzinfo=UTC)
OTHER = {
    "status": "suspended",
    "frequency": "P1Y",
    "grid": Grid(1, 10, 1),
    "cycle_months": (1, 12),
    "charges": [],
    "segments": [],
    "schedule": f.ChangeScheduled(**known("2024-02-11", 2), quantity=9),
    "lots": (SeatLot(1, MOMENT),),
    "window_from": MOMENT,
    "edits": (Edit(1, None, 1, 1, "e1"),),
    "new_plan": ("P1Y", None, None, "e2"),
    "deferred": [1],
    "key": LineKey(1, "charge", "e1"),
}
"""Of fields that are neither number nor text, a value that a plain state does not have."""


@pytest.mark.parametrize("part", [State, Charge, Segment])
def test_a_plain_stands_for_exactly_one_state(part):
    state = state_of(folded([BOUGHT], "2024-02-29")[1])
    for field in fields(part):
        changed = copy_of(state)
        owner = {State: changed, Charge: changed.charges[0], Segment: changed.segments[0]}[part]
        value = getattr(owner, field.name)
        if field.name in OTHER:
            other = OTHER[field.name]
        elif isinstance(value, bool):
            other = not value
        else:
            other = f"{value}!" if isinstance(value, str) else (value or 0) + 1
        setattr(owner, field.name, other)
        assert changed != state
        plain = plain_of(changed, NCE)
        assert plain is None or state_of(plain) == changed, field.name


def test_a_change_after_a_plain_checkpoint_refunds_the_fee_it_stands_for():
    _, checkpoint = folded([BOUGHT], "2024-02-29")
    changed = f.QuantityChanged(**known("2024-03-20", 2), quantity=8)
    assert (
        folded([changed], "2024-03-31", checkpoint)[0][1:] == folded([BOUGHT, changed], "2024-03-31")[0][3:]
    )


def test_an_open_window_is_kept_and_a_closed_one_forgotten():
    _, open_still = folded([BOUGHT], "2024-01-15")
    _, closed = folded([BOUGHT], "2024-01-16")
    assert not isinstance(open_still, Plain)
    assert open_still.lots[0].quantity == 5
    assert isinstance(closed, Plain)


@pytest.mark.parametrize("until", ["2024-01-12", "2024-03-01"])
def test_a_position_of_another_version_is_refused(until):
    packed = pack_position(Position(1, ahead=False, prices=None, checkpoint=folded([BOUGHT], until)[1]))
    version = str(VERSION)
    assert packed[1] == version
    with pytest.raises(PositionUnreadable):
        unpack_position(packed.replace(version, "99", 1))


def test_both_ledgers_have_the_same_keys_and_edits_touch_only_sell():
    changed = f.QuantityChanged(**known("2024-01-20", 2), quantity=7)
    edited = f.PriceEdited(**known("2024-01-10", 3), unit_price=9_000_000, until=day("2024-02-10"))
    told = [BOUGHT, changed, edited]
    sell, _ = folded(facts_for("sell", told), "2024-02-29")
    cost, _ = folded(
        facts_for("cost", told),
        "2024-02-29",
        rules=rules_on("cost", NCE),
        book=PriceBook([PriceRow(product="P1", unit_price=8_080_000)]),
    )
    assert [line.key for line in sell] == [line.key for line in cost]
    assert [line.unit_price for line in sell] == [9_000_000] * 3 + [10_000_000]
    assert {line.unit_price for line in cost} == {8_080_000}
    # Microsoft cuts seat changes at the line: 7 × 8.08 × 21/31 = 38.3148…, 5 × 8.08 × 21/31 = 27.3677…
    assert [line.amount for line in cost[:3]] == [40_40, -27_36, 38_31]


def test_the_id_of_a_line_depends_on_nothing_but_its_key():
    (line, *_), _ = folded([BOUGHT], "2024-01-31")
    assert line_id("sell", "S1", line.key, 1) == line_id("sell", "S1", line.key, 1)
    assert len({line_id(ledger, "S1", line.key, n) for ledger in ("sell", "cost") for n in (1, 2)}) == 4
    assert str(line_id("sell", "S1", line.key, 1)) == "e751f809-5615-ce2f-0282-264e601d9154"


def test_a_line_without_a_price_is_pending_and_never_posted():
    lines, _ = folded([BOUGHT], "2024-01-31", book=PriceBook([]))
    assert pending(lines) == lines
    assert lines[0].amount is None
    assert delta(lines, {}, 0) == []
    priced, _ = folded([BOUGHT], "2024-01-31")
    assert [posting.line.amount for posting in delta(priced, {}, 0)] == [50_00]


def test_posting_twice_posts_nothing_and_a_rewritten_line_gets_the_next_revision():
    lines, _ = folded([BOUGHT], "2024-01-31")
    issued: dict = {}
    remember(issued, delta(lines, issued, 0))
    assert delta(lines, issued, 0) == []
    dearer, _ = folded(
        [BOUGHT], "2024-01-31", book=PriceBook([PriceRow(product="P1", unit_price=12_000_000)])
    )
    back, again = delta(dearer, issued, day("2024-02-01"))
    assert (back.line.amount, again.line.amount, again.revision, again.late) == (-50_00, 60_00, 2, True)
    remember(issued, [back, again])
    assert issued[lines[0].key] == Issued(again.line, 2)
    (gone,) = delta([], issued, day("2024-02-01"))
    remember(issued, [gone])
    assert issued[lines[0].key] == Issued(None, 2)
    assert delta([], issued, day("2024-02-01")) == []


def test_nonsense_is_stopped_by_bounds():
    lines, _ = folded([BOUGHT], "2024-01-31")
    issued: dict = {}
    for n in range(1, 6):
        book = PriceBook([PriceRow(product="P1", unit_price=n * 1_000_000)])
        postings = delta(folded([BOUGHT], "2024-01-31", book=book)[0], issued, 0)
        remember(issued, postings)
        assert [broken.code for broken in broken_bounds(postings)] == (["reversal-chain"] if n == 5 else [])
    many = [
        posting._replace(line=posting.line._replace(start=lines[0].start))
        for posting in delta(lines, {}, 0) * 51
    ]
    assert [broken.code for broken in broken_bounds(many)] == ["too-many-lines"]


def test_each_kind_of_line_has_a_sentence():
    changed = f.QuantityChanged(**known("2024-01-20", 2), quantity=7)
    given = f.Credited(**known("2024-01-25", 3), amount=5_00)
    lines, _ = folded([BOUGHT, changed, given], "2024-01-31")
    sentences = [sentence(posting, 2) for posting in delta(lines, {}, day("2024-01-15"))]
    assert sentences[0] == (
        "5 seats at 10.00 for 2024-01-10 to 2024-02-09, because the subscription was bought; "
        "it belongs to an earlier report that is already issued."
    )
    assert sentences[1] == (
        "The charge for 5 seats at 10.00 is given back for 21 of its 31 days (2024-01-20 to 2024-02-09), "
        "because seats were added."
    )
    assert sentences[2:] == [
        "7 seats at 10.00 for 21 of 31 days (2024-01-20 to 2024-02-09), because seats were added.",
        "Manual adjustment for 2024-01-25 to 2024-01-25.",
    ]


def test_an_observed_renewal_on_a_day_of_its_own_settles_the_cycle_and_begins_a_term():
    renewed = f.Renewed(**known("2024-01-25", 2), quantity=6)
    lines, _ = folded([BOUGHT, renewed], "2024-02-24")
    assert [(line.reason, line.quantity, line.amount) for line in lines] == [
        ("purchase", 5, 50_00),
        ("renew", 5, -25_81),  # kept round(50.00 × 15/31) = 24.19
        ("renew", 6, 60_00),
    ]


def test_an_observed_renewal_on_the_boundary_is_the_renewal():
    renewed = f.Renewed(**known("2025-01-10", 2), quantity=6)
    lines, _ = folded([BOUGHT, renewed], "2025-01-31")
    assert [(line.reason, line.quantity, line.amount) for line in lines[11:]] == [
        ("cycle", 5, 50_00),
        ("renew", 6, 60_00),
    ]


def test_an_expired_subscription_is_billed_no_more():
    expired = f.Expired(**known("2025-01-10", 2))
    lines, _ = folded([BOUGHT, expired], "2025-06-30")
    assert len(lines) == 12


def test_turning_auto_renew_off_drops_the_schedule_and_ends_with_the_term():
    scheduled = f.ChangeScheduled(**known("2024-05-01", 2), quantity=9)
    off = f.AutoRenewSet(**known("2024-06-01", 3), auto_renew=False)
    on = f.AutoRenewSet(**known("2024-07-01", 4), auto_renew=True)
    assert len(folded([BOUGHT, scheduled, off], "2025-06-30")[0]) == 12
    assert folded([BOUGHT, scheduled, off, on], "2025-01-31")[0][-1].quantity == 5
    assert folded([BOUGHT, scheduled], "2025-01-31")[0][-1].quantity == 9


def test_a_stated_end_of_the_natural_term_changes_no_cycle():
    bought = f.Started(**known("2024-06-30", 1), product="P1", quantity=5)
    stated = f.Started(**known("2024-06-30", 1), product="P1", quantity=5, term_end=day("2025-06-30"))
    assert folded([stated], "2025-12-31") == folded([bought], "2025-12-31")


def test_a_reactivation_with_another_quantity_while_changes_wait_gives_each_line_a_key_of_its_own():
    legacy = rules_for("legacy_anniversary")
    facts = [
        f.Started(**known("2024-01-15", 1), product="P1", quantity=8),
        f.QuantityChanged(**known("2024-01-16", 2), quantity=36),
        f.Suspended(**known("2024-01-16", 3)),
        f.QuantityChanged(**known("2024-01-31", 4), quantity=32),
        f.Reactivated(**known("2024-02-10", 5), quantity=9),
    ]

    lines, _ = folded(facts, "2024-05-01", rules=legacy)

    keys = [line.key for line in lines]
    assert len(keys) == len(set(keys))
