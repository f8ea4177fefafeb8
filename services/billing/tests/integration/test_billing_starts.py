"""From when an imported subscription is billed can be changed at any time (R9.7): what was issued is made right in the next report."""

import pytest


@pytest.fixture(params=["P1M", "P1Y"])
async def imported(request, billing):
    """Ten seats since 20 December, billed from 16 January on for 20 each; seats paid before that are carried."""
    await billing.has_customer("cus_a")
    await billing.bought("sub_a", "cus_a", "2025-12-20", term=request.param, billing_from="2026-01-16")
    await billing.priced("sub_a", "cus_a", "2026-01-16", sell=20, cost=15)
    billing.term = request.param
    return billing


async def closed(billing, dated_on):
    """The lines of a report after its cycle is closed, and that a fold from the first event says the same."""
    billing.move_to(dated_on)
    answer = await billing.close(dated_on)
    assert answer["status"] == "closed", answer
    assert await billing.differences() == []
    return await shown(billing, dated_on)


async def shown(billing, dated_on):
    found = [each for each in await billing.reports() if each["dated_on"] == dated_on]
    return [
        f"{line['period']['from']} {line['amount']['amount']}{' late' if line['late'] else ''}"
        for each in found
        if each["ledger"] == "sell"
        for line in await billing.lines(each["id"])
    ]


async def test_before_a_report_is_issued_the_open_ones_follow_at_once(imported):
    imported.move_to("2026-02-20")
    assert await shown(imported, "2026-02-16") == ["2026-01-20 200.00"]
    await imported.billed_from("sub_a", "2025-12-20", recorded="2026-02-10")
    assert await shown(imported, "2026-01-16") == ["2025-12-20 200.00"]
    assert await shown(imported, "2026-02-16") == ["2026-01-20 200.00"]
    await imported.billed_from("sub_a", "2026-02-16", recorded="2026-02-11")
    assert await shown(imported, "2026-01-16") == []
    assert await shown(imported, "2026-02-16") == []
    assert await shown(imported, "2026-03-16") == ["2026-02-20 200.00"]


async def test_an_earlier_day_posts_the_older_cycles_in_the_next_report_at_the_price_of_that_day(imported):
    assert await closed(imported, "2026-02-16") == ["2026-01-20 200.00"]
    imported.move_to("2026-02-20")
    await imported.billed_from("sub_a", "2025-12-20", recorded="2026-02-18")
    # Until its price is there, the earliest later one is taken.
    assert await shown(imported, "2026-03-16") == ["2025-12-20 200.00 late", "2026-02-20 200.00"]
    await imported.priced("sub_a", "cus_a", "2025-12-20", sell=18, cost=14)

    following = await closed(imported, "2026-03-16")

    if imported.term == "P1M":  # each month is a renewal, which takes the list of its own day
        assert following == ["2025-12-20 180.00 late", "2026-02-20 200.00"]
    else:
        assert sorted(following) == [
            "2025-12-20 180.00 late",
            "2026-01-20 -200.00 late",
            "2026-01-20 180.00 late",
            "2026-02-20 180.00",
        ]
    last = "200.00" if imported.term == "P1M" else "180.00"
    assert await closed(imported, "2026-04-16") == [f"2026-03-20 {last}"]


async def test_a_later_day_gives_back_what_was_issued_and_carries_until_it(imported):
    assert await closed(imported, "2026-02-16") == ["2026-01-20 200.00"]
    await imported.billed_from("sub_a", "2026-03-16", recorded="2026-02-18")
    assert await closed(imported, "2026-03-16") == ["2026-01-20 -200.00 late"]
    assert await closed(imported, "2026-04-16") == ["2026-03-20 200.00"]
    assert await closed(imported, "2026-05-16") == ["2026-04-20 200.00"]


async def test_a_day_that_is_changed_back_changes_nothing(imported):
    assert await closed(imported, "2026-02-16") == ["2026-01-20 200.00"]
    await imported.billed_from("sub_a", "2026-03-16", recorded="2026-02-18")
    await imported.billed_from("sub_a", "2026-01-16", recorded="2026-02-19")
    assert await closed(imported, "2026-03-16") == ["2026-02-20 200.00"]


async def test_what_was_given_back_is_billed_again_where_the_day_is_changed_back_after_it(imported):
    await closed(imported, "2026-02-16")
    await imported.billed_from("sub_a", "2026-03-16", recorded="2026-02-18")
    await closed(imported, "2026-03-16")
    await imported.billed_from("sub_a", "2026-01-16", recorded="2026-03-18")
    assert await closed(imported, "2026-04-16") == [
        "2026-01-20 200.00 late",
        "2026-02-20 200.00 late",
        "2026-03-20 200.00",
    ]


async def test_a_refund_against_carried_days_is_a_normal_line_of_the_next_report(imported):
    """W-38, by command: three seats more in the carried cycle are charged from the day on which they came."""
    await imported.billed_from("sub_a", "2026-02-16", recorded="2026-02-10")
    await imported.changed("sub_a", "cus_a", "2026-02-18", 13, recorded="2026-02-18")
    lines = await shown(imported, "2026-03-16")
    # Two of 31 days until 19 February, of 200.00 and of 260.00, then the next cycle of thirteen seats.
    assert lines == ["2026-02-18 -12.90", "2026-02-18 16.77", "2026-02-20 260.00"]


async def test_as_it_was_known_before_the_change_a_report_stays_as_it_was(imported):
    report = await imported.report("2026-02-16")
    await imported.billed_from("sub_a", "2026-02-16", recorded="2026-02-18")
    imported.move_to("2026-02-20")
    then = (await imported.get(f"/reports/{report['id']}?as_of=2026-02-17T00:00:00Z")).json()
    assert then["net"]["amount"] == "200.00"
    assert await shown(imported, "2026-02-16") == []
