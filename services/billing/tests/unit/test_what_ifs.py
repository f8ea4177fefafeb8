"""Up to which day two futures are compared, so that no fee stands on one side alone."""

import json
from datetime import UTC, date, datetime

import pytest

from csp_billing.domain.what_ifs import Choice, compare, fair_until
from csp_billing.rating.rate import _stories
from csp_billing.rating.story_file import parse

NOW = datetime(2024, 3, 16, 9, tzinfo=UTC)
PRICES = [
    {"product": "P1", "unit_price": "10.00", "per": "P1M", "scope": "global"},
    {"product": "P1", "unit_price": "108.00", "per": "P1Y", "scope": "global"},
]


@pytest.fixture
def told(story):
    def make(bought="2024-01-01", *, rule_set="nce", **settings):
        read = parse(
            json.dumps(
                story([(bought, "bought", {"quantity": 1})], [], rule_set=rule_set, prices=PRICES, **settings)
            )
        )
        return _stories(read, list(read.events))["S1"]

    return make


def nets(story, choice, until):
    compared = compare(story, choice, NOW, until)
    return tuple(sum(line.amount or 0 for line in side) for side in (compared.as_is, compared.what_if))


@pytest.mark.parametrize(
    ("bought", "settings", "choice", "until", "amounts"),
    [
        # nine months of the term are left: 9 × 10.00, or 9/12 of 108.00
        ("2024-01-01", {"term": "P1Y"}, Choice(frequency="P1Y"), "2024-12-31", (9000, 8100)),
        # the paid month is the last of its term: the whole next one is compared
        ("2023-04-01", {"term": "P1Y"}, Choice(frequency="P1Y"), "2025-03-31", (12000, 10800)),
        # a year cannot be paid inside a term of a month: it comes with the renewal
        ("2024-03-01", {"term": "P1M"}, Choice(frequency="P1Y"), "2025-03-31", (12000, 10800)),
        # elsewhere the year begins at once, and 10.00 - 4.84 of this month come back
        ("2024-03-01", {"rule_set": "flex"}, Choice(frequency="P1Y"), "2025-03-15", (12000, 10284)),
        # other seats from the renewal on: the nine months up to it, and the term after it
        (
            "2024-01-01",
            {"term": "P1Y"},
            Choice(quantity_at_renewal=2),
            "2025-12-31",
            (21000, 33000),
        ),
        # another quantity: a year, twelve fees of each; 16 of 31 days of this month for the second seat
        ("2024-01-01", {"term": "P1Y"}, Choice(quantity=2), "2025-03-15", (12000, 24516)),
    ],
)
def test_both_sides_pay_for_the_same_days(told, bought, settings, choice, until, amounts):
    story = told(bought, **settings)
    day = fair_until(story, choice, NOW)
    assert date.fromordinal(day).isoformat() == until
    assert nets(story, choice, day) == amounts
