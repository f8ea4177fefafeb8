import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp_partner_feed.domain.observation import (
    AuditFact,
    Channel,
    Observation,
    Published,
    Resource,
    billing_start,
    is_news,
)

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def seen(quantity: int | None = 5, began_at: datetime = NOON, **more) -> Observation:
    return Observation(
        reseller="res_n",
        resource=Resource.SUBSCRIPTION,
        microsoft_tenant_id="t",
        microsoft_id="s",
        channel=Channel.WEBHOOK,
        began_at=began_at,
        state=None if quantity is None else {"quantity": quantity, "status": "active"},
        **more,
    )


def known(observation: Observation) -> Published:
    return Published(
        digest=observation.digest,
        person_digest=observation.person_digest,
        began_at=observation.began_at,
    )


def test_what_was_never_told_is_news_unless_it_is_already_gone():
    assert is_news(seen(), None)
    assert not is_news(seen(None), None)


def test_the_same_again_is_no_news():
    assert not is_news(seen(began_at=NOON + timedelta(hours=1)), known(seen()))


def test_another_value_is_news():
    assert is_news(seen(8), known(seen()))
    assert is_news(seen(None), known(seen()))


def test_a_reading_that_began_before_the_last_one_told_may_be_older_and_is_dropped():
    assert not is_news(seen(5, NOON - timedelta(seconds=1)), known(seen(8)))


def test_a_reading_asked_for_is_news_whatever_it_shows():
    assert is_news(seen(is_forced=True), known(seen()))


def test_after_a_change_of_our_own_the_next_reading_is_news_even_if_it_shows_the_old_value():
    assert is_news(seen(), replace_digest(known(seen()), None))


def replace_digest(published: Published, digest: str | None) -> Published:
    return replace(published, digest=digest)


def test_a_fact_is_always_told():
    fact = seen(audit=AuditFact(key="k", operation="update_subscription", correlation_id=None))
    assert is_news(fact, known(seen()))


def test_a_changed_name_is_news_without_showing_in_the_digest():
    before, after = seen(person={"display_name": "Kim"}), seen(person={"display_name": "Kim Lee"})
    assert before.digest == after.digest
    assert is_news(after, known(before))
    assert "Kim" not in repr(after)


def test_what_the_feed_adds_for_the_owner_is_no_news():
    first = seen()
    with_start = replace(first, state={**first.state, "billing_from": "2026-02-16"})
    assert not is_news(first, known(with_start))


@pytest.mark.parametrize(
    ("today", "close_day", "expected"),
    [
        (date(2026, 3, 5), 15, date(2026, 2, 16)),
        (date(2026, 3, 15), 15, date(2026, 2, 16)),
        (date(2026, 3, 16), 15, date(2026, 3, 16)),
        (date(2026, 1, 3), 15, date(2025, 12, 16)),
        (date(2026, 3, 1), 31, date(2026, 3, 1)),
        (date(2026, 2, 28), 31, date(2026, 2, 1)),
        (date(2024, 3, 1), 30, date(2024, 3, 1)),
    ],
)
def test_r9_7_an_imported_book_is_billed_from_the_open_window(today: date, close_day: int, expected: date):
    assert billing_start(today, close_day) == expected


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)), st.integers(1, 31))
def test_r3_1_the_open_window_holds_today_and_is_a_month_at_most(today: date, close_day: int):
    start = billing_start(today, close_day)
    assert start <= today
    assert (today - start).days <= 31
    assert billing_start(start, close_day) == start


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from([3, 5, 8]), st.booleans()), min_size=1, max_size=30
    )
)
def test_however_readings_interleave_the_last_one_begun_is_what_was_told_last(readings):
    """Each reading began at a minute and shows what was true then; they arrive in any order, some of them twice."""
    truth: dict[int, int] = {}
    published: Published | None = None
    told: list[tuple[int, int]] = []
    for minute, value, is_repeated in readings:
        quantity = truth.setdefault(minute, value)
        for _ in range(2 if is_repeated else 1):
            reading = seen(quantity, NOON + timedelta(minutes=minute))
            if is_news(reading, published):
                told.append((minute, quantity))
            if published is None or published.began_at <= reading.began_at:
                published = known(reading)
    assert told[-1][1] == truth[max(truth)]
    assert [minute for minute, _ in told] == sorted(minute for minute, _ in told)
    assert all(one[1] != other[1] for one, other in itertools.pairwise(told))
