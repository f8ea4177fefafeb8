"""The effect of a price edit before it is saved: exactly what the edit then posts, and nothing is written."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Billing


async def _effect(billing: "Billing", from_on: str, until_on: str | None, euros: int, **who: Any) -> Any:
    edit = {
        "from_on": from_on,
        "until_on": until_on,
        "currency": "EUR",
        "unit_price_micro": euros * 1_000_000,
    }
    return await billing.http.post(
        "/internal/v1/what-ifs",
        json={"subscription_id": "sub_a", "price_edit": edit},
        headers=billing.headers(**who),
    )


def _amounts(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(line["kind"], line["amount"]["amount"]) for line in lines]


async def test_an_issued_line_is_refunded_and_charged_anew(february):
    """Issued: 10 seats x 20 on 20 January. At 15 from then on: -200 and +150, in the next report."""
    await february.issue((await february.report("2026-02-16"))["id"])
    effect = (await _effect(february, "2026-01-20", "2026-02-20", 15)).json()
    assert sorted(_amounts(effect["lines"])) == [("cycle_fee", "150.00"), ("refund", "-200.00")]
    assert effect["instead_of"] == []
    assert effect["net"] == {"amount": "-50.00", "currency": "EUR"}
    assert {line["posted_on"] for line in effect["lines"]} == {"2026-02-16"}
    assert {line["reason"] for line in effect["lines"]} == {"price_correction"}


async def test_a_line_that_is_not_issued_is_replaced(february):
    effect = (await _effect(february, "2026-01-20", "2026-02-20", 15)).json()
    assert _amounts(effect["lines"]) == [("cycle_fee", "150.00")]
    assert _amounts(effect["instead_of"]) == [("cycle_fee", "200.00")]
    assert effect["net"]["amount"] == "-50.00"


async def test_what_is_shown_is_what_the_edit_then_posts(february):
    """From 1 February on for good: 19 of 31 days of the first cycle, and the whole next one."""
    await february.issue((await february.report("2026-02-16"))["id"])
    before = await february.lines((await february.report("2026-03-16"))["id"])
    effect = (await _effect(february, "2026-02-01", None, 15)).json()
    await february.told_edit("sub_a", "2026-02-01", 15)
    after = await february.lines((await february.report("2026-03-16"))["id"])

    def total(lines: list[dict[str, Any]]) -> float:
        return round(sum(float(line["amount"]["amount"]) for line in lines), 2)

    assert round(total(before) + float(effect["net"]["amount"]), 2) == total(after)
    shown = sorted(_amounts(effect["lines"]))
    assert shown == sorted(pair for pair in _amounts(after) if pair not in _amounts(before))


async def test_an_edit_of_days_ahead_shows_the_cycle_it_reaches(february):
    effect = (await _effect(february, "2026-04-20", None, 15)).json()
    assert _amounts(effect["lines"]) == [("cycle_fee", "150.00")]
    assert effect["lines"][0]["period"]["from"] == "2026-04-20"


async def test_nothing_is_written(february):
    was = {table: await february.count(table) for table in ("inbox", "reports", "report_lines")}
    await _effect(february, "2026-01-20", None, 15)
    assert was == {table: await february.count(table) for table in was}


async def test_the_same_price_changes_nothing(february):
    effect = (await _effect(february, "2026-01-20", None, 20)).json()
    assert effect["lines"] == effect["instead_of"] == []


async def test_a_foreign_subscription_does_not_exist(february):
    assert (await _effect(february, "2026-01-20", None, 15, reseller="res_south")).status_code == 404
