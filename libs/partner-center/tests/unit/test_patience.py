from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp_partner_center.answers import read_date_header, read_retry_after
from csp_partner_center.breaker import Breaker
from csp_partner_center.retrying import RetryBudget, backoff
from csp_partner_center.settings import Cloud, simulator

NOW = datetime(2026, 3, 5, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("2.128", 2.128),
        ("Thu, 05 Mar 2026 10:00:09 GMT", 9.0),
        ("Thu, 05 Mar 2026 09:00:00 GMT", 0.0),
        ("-3", 0.0),
        ("99999999", 3600.0),
        ("nan", None),
        ("soon", None),
        (None, None),
    ],
)
def test_every_form_of_retry_after_is_read(header: str | None, seconds: float | None):
    assert read_retry_after(header, NOW) == seconds


def test_a_malformed_date_header_is_no_time():
    assert read_date_header("yesterday") is None
    assert read_date_header("Thu, 05 Mar 2026 10:00:09 GMT") == datetime(2026, 3, 5, 10, 0, 9, tzinfo=UTC)


@given(st.integers(1, 60), st.floats(0, 1))
def test_backoff_is_fully_jittered_and_bounded(attempt: int, chance: float):
    pause = backoff(attempt, chance, first=0.5, longest=20.0)
    assert 0 <= pause <= min(20.0, 0.5 * 2.0 ** (attempt - 1))


def test_an_outage_is_repeated_ten_times_and_then_only_after_successes():
    budget = RetryBudget()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(10):
        budget.earned()
    assert [budget.spend(), budget.spend()] == [True, False]


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through():
    breaker = Breaker(failures=3, pause=15.0)
    breaker.failed(0.0)
    breaker.failed(1.0)
    assert breaker.wait(1.0) == 0.0
    breaker.failed(2.0)
    assert breaker.wait(3.0) == 14.0
    assert breaker.wait(17.0) == 0.0  # the probe
    assert breaker.wait(17.0) > 0.0  # nobody else meanwhile
    breaker.succeeded()
    assert breaker.wait(17.5) == 0.0


def test_a_refusal_in_between_starts_the_count_anew():
    breaker = Breaker(failures=2, pause=15.0)
    breaker.failed(0.0)
    breaker.succeeded()
    breaker.failed(1.0)
    assert breaker.wait(1.0) == 0.0


def test_plain_http_is_for_loopback_only():
    assert simulator("http://127.0.0.1:8787/").graph_root == "http://127.0.0.1:8787/graph/v1.0"
    with pytest.raises(ValueError, match="api_root: https"):
        Cloud(
            api_root="http://api.example",
            pricing_root="https://x",
            graph_root="https://x",
            authority="https://x",
            audience="x",
            graph_audience="x",
        )
