"""Section 19: the pairs of a report can be shown as one line each, the difference; the totals are the same."""

import json

import pytest

from csp_billing.rating.output import as_json
from csp_billing.rating.rate import rate
from csp_billing.rating.story_file import parse


@pytest.fixture
def both(tell):
    """A story as it is posted and as it is shown with collapsed pairs."""

    def rated(*args, **settings):
        return tell(*args, **settings), tell(*args, **settings, presentation="on")

    return rated


def test_a_change_of_quantity_is_the_seats_that_came_or_went(both):
    posted, shown = both(
        [
            ("2024-03-01", "bought", {"quantity": 10}),
            ("2024-03-10", "quantity", {"quantity": 14}),
            ("2024-03-12", "quantity", {"quantity": 11}),
            ("2024-03-20", "cancelled", {}),
        ],
        ["2024-03-31"],
        rule_set="flex",
    )
    assert shown.all == [
        "cycle_fee 2024-03-01..2024-03-31 10 100.00",
        "pro_rata 2024-03-10..2024-03-31 4 28.38",
        "refund 2024-03-12..2024-03-31 3 -19.35",
        "refund 2024-03-20..2024-03-31 11 -42.58",
    ]
    assert shown.total == posted.total == "66.45"


def test_each_of_two_changes_of_one_day_is_its_own_difference(both):
    posted, shown = both(
        [
            ("2024-03-01", "bought", {"quantity": 1}),
            ("2024-03-01", "quantity", {"quantity": 2}),
            ("2024-03-01", "quantity", {"quantity": 4}),
        ],
        ["2024-03-01"],
    )
    assert [row.split()[2:] for row in shown.all] == [["1", "10.00"], ["1", "10.00"], ["2", "20.00"]]
    assert shown.total == posted.total


def test_a_corrected_price_is_the_difference_of_the_price_for_the_same_seats(both):
    posted, shown = both(
        [
            ("2024-05-01", "bought", {"quantity": 12}),
            ("2024-07-03", "2024-05-01", "edited", {"unit_price": "8.90", "until": "2024-06-01"}),
        ],
        ["2024-05-31", "2024-07-31"],
        rule_set="flex",
        prices="9.90",
    )
    assert shown.rows[1][0] == "refund 2024-05-01..2024-05-31 12 -12.00"
    assert shown.result["runs"][1]["lines"][0]["unit_price"] == "1.00"
    assert shown.nets == posted.nets


def test_the_difference_of_a_price_is_said_as_such(story):
    asked = story(
        [
            ("2024-05-01", "bought", {"quantity": 12}),
            ("2024-07-03", "2024-05-01", "edited", {"unit_price": "8.90", "until": "2024-06-01"}),
        ],
        ["2024-05-31", "2024-06-30", "2024-07-31"],
        prices="9.90",
        presentation="on",
    )
    why = as_json(rate(parse(json.dumps(asked))), 2, why=True)["runs"][2]["lines"][0]["why"]
    assert why["text"].startswith(
        "12 seats at 1.00 less than before for 31 of 31 days (2024-05-01 to 2024-05-31), because"
    )


def test_what_no_single_line_could_explain_stays_two(both):
    converted, shown = both(
        [("2024-06-01", "bought", {"quantity": 20}), ("2024-06-12", "product", {"product": "P2"})],
        ["2024-06-30"],
        prices={"P1": "5.00", "P2": "9.00"},
    )
    assert shown.all == converted.all
    recognised, shown = both(
        [("2024-06-01", "bought", {"quantity": 1}), ("2024-06-10", "quantity", {"quantity": 2})],
        ["2024-07-15"],
        rule_set="legacy_anniversary",
    )
    assert shown.all == recognised.all


def test_a_later_run_goes_on_from_what_was_posted_not_from_what_was_shown(both):
    posted, shown = both(
        [
            ("2024-03-01", "bought", {"quantity": 5}),
            ("2024-03-15", "quantity", {"quantity": 10}),
            ("2024-03-20", "quantity", {"quantity": 8}),
        ],
        ["2024-03-15", "2024-03-20"],
        rule_set="flex",
    )
    assert shown.rows[1] == ["refund 2024-03-20..2024-03-31 2 -7.74"]
    assert shown.nets == posted.nets
