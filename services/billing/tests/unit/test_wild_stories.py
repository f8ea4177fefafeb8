"""Whatever happens: every kind of event on any day, withdrawn, corrected, late, linked. What must hold all the same."""

import copy
import json
from collections import defaultdict
from datetime import date, timedelta
from functools import partial

from hypothesis import assume, event, given, note, settings
from hypothesis import strategies as st

from csp_billing.domain.delta import Posting
from csp_billing.domain.family import linked
from csp_billing.domain.fold import fold
from csp_billing.domain.plain import Plain
from csp_billing.domain.price_book import PriceBook
from csp_billing.rating.faults import StoryRefused
from csp_billing.rating.output import as_json
from csp_billing.rating.rate import _stories, rate
from csp_billing.rating.story_file import parse
from csp_billing.settling.line_rows import text_behind_position
from csp_billing.settling.plain_positions import fees_of
from csp_billing.settling.positions import Position, pack_position, position_after, unpack_position
from csp_commerce_rules.prices import PriceRow

START = date(2023, 11, 1)
LAST = START + timedelta(days=420)
PRODUCTS = {"P1": "7.99", "P2": "12.5", "P3": "103.375", "T0": "0"}


steady = partial(settings, derandomize=True, deadline=None)
"""The same stories each time; `make test-all` also explores new ones."""


def iso(day: date) -> str:
    return day.isoformat()


@st.composite
def wild_stories(draw):
    rule_set = draw(st.sampled_from(["legacy_aligned", "legacy_anniversary", "nce", "flex"]))
    frequency = draw(st.sampled_from(["P1M", "P1M", "P1Y", "P3Y"]))
    days = st.integers(0, 300).map(lambda n: START + timedelta(days=n))
    quantities = st.integers(1, 30)
    products = st.sampled_from(sorted(PRODUCTS))
    bought = draw(days.filter(lambda day: day < START + timedelta(days=120)))
    first = {"event": "subscription_purchased", "product": draw(products), "quantity": draw(quantities)}
    if draw(st.booleans()):
        first["promotion_percent"] = draw(st.sampled_from(["10", "12.5", "100"]))
    if draw(st.integers(0, 4)) == 0:
        first["term_end_on"] = iso(bought + timedelta(days=draw(st.integers(1, 300))))
    entries = [{"subscription": "S1", "effective_on": iso(bought)} | first]
    fields = {
        "quantity_changed": {"quantity": quantities},
        "quantity_change_requested": {"quantity": quantities},
        "product_changed": {"product": products},
        "subscription_suspended": {},
        "subscription_reactivated": {},
        "subscription_cancelled": {},
        "anchor_changed": {"anchor_day": st.integers(1, 31)},
        "price_changed": {"product": products, "unit_price": st.sampled_from(["5", "20.01"])},
        "historic_price_edited": {"unit_price": st.sampled_from(["6.66", "8.9"])},
        "manual_credit": {"amount": st.sampled_from(["1.00", "77.70"])},
        "billing_plan_changed": {"frequency": st.sampled_from(["P1M", "P1Y"])},
        "change_scheduled": {"at": st.just("renewal"), "quantity": quantities},
        "seats_moved": {
            "quantity": quantities,
            "to_subscription": st.sampled_from(["M1", "M2"]),
            "product": products,
        },
        "addon_purchased": {"product": products, "quantity": quantities, "base": st.just("S1")},
        "subscription_transferred_in": {
            "product": products,
            "quantity": quantities,
            "predecessor": st.sampled_from(["S1", None]),
        },
    }
    optional = {
        "product_changed": {
            "frequency": st.sampled_from(["P1M", "P1Y", "P3Y"]),
            "anchor_day": st.integers(1, 31),
            "anchor": days.map(iso),
            "quantity": quantities,
            "term_end_on": st.integers(0, 400),
            "promotion_percent": st.just("20"),
        },
        "billing_plan_changed": {"cycle_end_on": st.integers(0, 400), "product": products},
        "change_scheduled": {
            "frequency": st.sampled_from(["P1M", "P1Y"]),
            "product": products,
            "term": st.sampled_from(["P1M", "P1Y"]),
            "term_end_on": st.integers(0, 400),
        },
        "subscription_transferred_in": {
            "cycle_end_on": st.integers(0, 60),
            "term_end_on": st.integers(0, 400),
        },
    }
    begun = {"S1"}
    for _ in range(draw(st.integers(0, 7))):
        name = draw(st.sampled_from(sorted(fields)))
        day = bought + timedelta(days=draw(st.integers(0, 250)))
        entry = {"subscription": "S1", "event": name, "effective_on": iso(day)}
        entry |= {field: draw(values) for field, values in fields[name].items()}
        for field, values in optional.get(name, {}).items():
            if draw(st.integers(0, 3)) == 0:
                value = draw(values)
                entry[field] = iso(day + timedelta(days=value)) if field.endswith("_end_on") else value
        if name == "subscription_reactivated" and draw(st.booleans()):
            entry["quantity"] = draw(quantities)
        if name == "manual_credit" and draw(st.booleans()):
            entry["line_of"] = iso(bought)
        if name == "historic_price_edited":
            entry["until"] = draw(st.sampled_from([None, iso(day + timedelta(days=40))]))
        if name in {"addon_purchased", "subscription_transferred_in"}:
            entry["subscription"] = "A1" if name == "addon_purchased" else "X1"
        new = entry.get("to_subscription") or (
            entry["subscription"] if entry["subscription"] != "S1" else None
        )
        if new in begun:
            continue
        if new:
            begun.add(new)
        entries.append(entry)
    for n in range(draw(st.integers(0, 2))):
        refs = [draw(st.integers(1, len(entries)))]
        name = draw(st.sampled_from(["suspension_withdrawn", "effective_time_corrected"]))
        day = draw(days) if name == "effective_time_corrected" else LAST
        entries.append(
            {"subscription": "S1", "event": name, "refs": refs, "effective_on": iso(max(day, bought)), "n": n}
        )
    for seq, entry in enumerate(entries, start=1):
        late = draw(st.sampled_from([0, 0, 0, 2, 35]))
        entry["seq"] = seq
        entry["recorded_on"] = iso(date.fromisoformat(entry["effective_on"]) + timedelta(days=late))
    runs = sorted(draw(st.lists(st.integers(0, 400), max_size=4)))
    return {
        "rule_set": rule_set,
        "calendar": {
            "frequency": frequency,
            "anchor": draw(st.sampled_from(["purchase", "purchase", "day 31", "2024-01-30"])),
            "report_close_day": 15,
        },
        "currency": "EUR",
        "minor_digits": 2,
        "prices": [
            {"product": product, "unit_price": price, "per": per, "scope": "global"}
            for product, price in PRODUCTS.items()
            for per in ("P1M", "P1Y", "P3Y")
        ],
        "settings": {
            "price_change_policy": draw(
                st.sampled_from(["at_renewal", "at_next_cycle", "immediate_prorated"])
            ),
            "term": draw(
                st.sampled_from({"P1M": ["P1Y", "P1M"], "P1Y": ["P1Y", "P3Y"], "P3Y": ["P3Y"]}[frequency])
            ),
            "auto_renew": draw(st.booleans()),
            "billing_from": draw(st.sampled_from([None, None, None, iso(bought + timedelta(days=45))])),
            "change_style": draw(
                st.sampled_from([None, None, "reverse_and_segment", "refund_and_recharge_remaining"])
            ),
            "recognition": draw(st.sampled_from([None, None, "on_the_day", "next_anniversary"])),
            "refund_policy": draw(
                st.sampled_from(
                    [None, None, "prorated", "full_in_first_month_then_prorated", "window_7d", "none"]
                )
            ),
            "free_stub": draw(st.sampled_from([None, True, False])),
            "suspension_stops_billing": draw(st.sampled_from([None, True, False])),
            "upgrade_keeps_cycle": draw(st.sampled_from([None, True, False])),
            "rounding_profile": draw(
                st.sampled_from(["line_half_up", "line_half_up", "unit_down", "daily_2dp"])
            ),
        },
        "timeline": entries,
        "runs": [{"as_of": iso(START + timedelta(days=run))} for run in runs] + [{"as_of": iso(LAST)}],
    }


def rated(story):
    note(json.dumps(story))
    try:
        return rate(parse(json.dumps(story)))
    except StoryRefused:
        assume(False)


def packed(checkpoint) -> str:
    return pack_position(Position(0, ahead=False, prices=None, checkpoint=checkpoint))


def printed(story) -> str:
    read = parse(json.dumps(story))
    return json.dumps(as_json(rate(read), read.digits, why=True))


def totals(result):
    sums = defaultdict(int)
    for run in result.runs:
        for posting in run.postings:
            sums[posting.line.subscription, posting.line.key.cycle] += posting.line.amount
    return {key: amount for key, amount in sums.items() if amount}


@steady(max_examples=150)
@given(wild_stories(), st.randoms(use_true_random=False))
def test_order_of_delivery_and_doubles_change_no_byte(story, chance):
    rated(story)
    shuffled = copy.deepcopy(story)
    shuffled["timeline"] = [
        dict(entry) for entry in shuffled["timeline"] for _ in range(chance.randint(1, 2))
    ]
    chance.shuffle(shuffled["timeline"])
    assert printed(shuffled) == printed(story)


@steady(max_examples=150)
@given(wild_stories(), st.data())
def test_runs_and_delays_change_no_total(story, data):
    once = copy.deepcopy(story) | {"runs": story["runs"][-1:]}
    delayed = copy.deepcopy(story)
    for entry in delayed["timeline"]:
        entry["after_run"] = data.draw(st.integers(0, len(story["runs"]) - 1))
    assert totals(rated(story)) == totals(rated(once)) == totals(rated(delayed))


@steady(max_examples=100)
@given(wild_stories())
def test_running_again_posts_nothing(story):
    story["runs"] = [run for run in story["runs"] for _ in (1, 2)]
    assert all(not run.postings for run in rated(story).runs[1::2])


@steady(max_examples=150)
@given(wild_stories())
def test_every_key_is_unique_and_no_charge_falls_below_zero_or_exceeds_a_cycle(story):
    once = copy.deepcopy(story) | {"runs": story["runs"][-1:]}
    once["settings"]["billing_from"] = None
    result = rated(once)
    seen = set()
    standing = defaultdict(int)
    for posting in result.runs[0].postings:
        line = posting.line
        assert (line.subscription, line.key) not in seen
        seen.add((line.subscription, line.key))
        assert line.start < line.end
        assert line.days <= line.of_days or line.kind not in {"cycle_fee", "pro_rata"}
        assert line.amount != 0 or line.unit_price == 0 or line.discount or line.rule == "6.2"
        if line.kind != "adjustment" or line.reverses is not None:
            standing[line.subscription, str(line.reverses or line.key)] += line.amount
    assert all(amount >= 0 for amount in standing.values())


def folded(told, *, history=False):
    return fold(
        told.subscription,
        told.facts,
        None,
        LAST.toordinal(),
        rules=told.rules,
        price_book=told.price_book,
        history=history,
    )


@steady(max_examples=150)
@given(wild_stories(), st.lists(st.integers(0, 420), max_size=6))
def test_folding_on_from_checkpoints_equals_folding_from_the_first_event(story, cuts):
    for entry in story["timeline"]:
        entry.pop("line_of", None)  # a credit on a line older than the checkpoint needs the caller's help
    rated(story)
    read = parse(json.dumps(story))
    for told in linked(_stories(read, list(read.events))).values():
        whole, end, _ = folded(told)
        pieces, checkpoint, since = [], None, 0
        for cut in [*sorted(START.toordinal() + day for day in cuts), LAST.toordinal()]:
            news = [fact for fact in told.facts if since < fact.day <= cut]
            lines, checkpoint, _ = fold(
                told.subscription, news, checkpoint, cut, rules=told.rules, price_book=told.price_book
            )
            pieces.extend(lines)
            since = cut
            stored = packed(checkpoint)
            assert unpack_position(stored).checkpoint == checkpoint
            checkpoint = unpack_position(stored).checkpoint
        assert sorted(pieces) == sorted(whole)
        assert packed(checkpoint) == packed(end)


@steady(max_examples=250)
@given(wild_stories(), st.lists(st.integers(0, 420), min_size=1, max_size=6), st.integers(1, 100))
def test_what_a_position_says_will_come_of_it_is_what_a_fold_gives(story, cuts, days):
    for entry in story["timeline"]:
        entry.pop("line_of", None)  # a credit on a line older than the checkpoint needs the caller's help
    rated(story)
    read = parse(json.dumps(story))
    for told in linked(_stories(read, list(read.events))).values():
        for cut in (START.toordinal() + day for day in cuts):
            facts = [fact for fact in told.facts if fact.day <= cut]
            state = fold(told.subscription, facts, None, cut, rules=told.rules, price_book=told.price_book)[1]
            if isinstance(state, Plain) or state.price is None:
                continue
            price = PriceRow(state.product, state.price, frequency=state.frequency, ref=state.price_ref)
            until, after = cut + days, partial(position_after, ahead=False, rules=told.rules)
            position = after(state, [price], watermark=1)
            fees = fees_of(pack_position(position), told.subscription, "T", until, 2)
            event("not plain by itself" if position.soon is None else f"plain: {fees is not None}")
            if fees is not None:
                rows, amount, next_position = fees
                lines, moved, _ = fold(
                    told.subscription, [], state, until, rules=told.rules, price_book=PriceBook([price])
                )
                texts = [
                    text_behind_position(Posting(line, 1, late=False), "T", line.posted) for line in lines
                ]
                assert [row[-1] for row in rows] == texts
                assert amount == sum(line.amount for line in lines)
                assert next_position == pack_position(after(moved, [price], watermark=2))


@steady(max_examples=250)
@given(wild_stories())
def test_cycles_passed_in_one_go_have_the_lines_of_those_taken_one_by_one(story):
    for entry in story["timeline"]:
        entry.pop("line_of", None)  # only with its history a fold finds a line of a past cycle
    rated(story)
    read = parse(json.dumps(story))
    for told in linked(_stories(read, list(read.events))).values():
        quick, slow = folded(told), folded(told, history=True)
        assert (quick[0], quick[2]) == (slow[0], slow[2])


JUNK = [None, 0, -1, 2.5, "", [], {}, True, 10**30, "2024-02-30", "2199-12-31", "day 31", [99], "S9", "0.001"]


@steady(max_examples=150)
@given(wild_stories(), st.data())
def test_any_value_anywhere_is_rated_or_refused_with_a_path(story, data):
    for _ in range(data.draw(st.integers(1, 3))):
        at, key = story, data.draw(st.sampled_from(sorted(story)))
        while isinstance(at[key], dict | list) and at[key] and data.draw(st.integers(0, 3)):
            at = at[key]
            key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        at[key] = data.draw(st.sampled_from(JUNK))
    faults: list[str] = []
    try:
        printed(story)
    except StoryRefused as refused:
        faults = refused.faults or ["none"]
    assert all(": " in fault for fault in faults)
