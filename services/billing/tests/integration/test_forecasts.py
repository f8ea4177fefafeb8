"""What the open cycle will come to, which days have money attached, and what another choice would cost."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceLocked
from csp_contracts.subscriptions_v1 import AutoRenewChanged, SubscriptionCreated
from csp_runtime.scope import Role

if TYPE_CHECKING:
    from conftest import Billing


async def year(
    billing: "Billing", name: str, day: str, quantity: int = 10, *, base: str | None = None
) -> None:
    """A subscription of a year, paid monthly, 20 a seat and 15 in cost."""
    await billing.told(
        name,
        SubscriptionCreated(
            subscription_id=name,
            tenant_id="ten_a",
            microsoft_subscription_id=f"ms-{name}",
            commerce="nce",
            rule_set="nce",
            product="P:1",
            product_title="Premium",
            term="P1Y",
            charge_cycle="P1M",
            quantity=quantity,
            status="active",
            currency="EUR",
            base_subscription_id=base,
        ),
        day,
    )
    for kind, price in ((SubscriptionPriceLocked, 20), (SubscriptionCostLocked, 15)):
        await billing.told(
            name.replace("sub_", "spr_"),
            kind(
                subscription_id=name,
                tenant_id="ten_a",
                currency="EUR",
                unit_price_micro=price * 1_000_000,
                price_ref="list/row/1",
                from_on=date.fromisoformat(day),
                product="P:1",
                product_title="Premium",
                charge_cycle="P1M",
            ),
            day,
        )


@pytest.fixture
async def book(billing: "Billing") -> "Billing":
    """It is 1 March 2026; the open cycle is 16 February to 15 March."""
    billing.clock.move_to(datetime.fromisoformat("2026-03-01T12:00:00+00:00"))
    await billing.has_customer("cus_a")
    return billing


async def forecast(billing: "Billing", **who: Any) -> dict[str, Any]:
    answer = await billing.get("/forecasts/cus_a", **who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sums(ledger: dict[str, Any]) -> list[str]:
    by = ledger["by_certainty"]
    return [by[name]["amount"] for name in ("charged", "unless_cancelled", "depends_on_renewal")]


async def test_each_line_of_the_open_cycle_says_how_certain_it_is(book):
    await year(book, "sub_a", "2026-01-20")  # charged on 20 February
    await year(book, "sub_b", "2026-01-10")  # to be charged on 10 March, inside its year
    await year(book, "sub_c", "2025-03-12")  # its year ends: 12 March is a renewal

    sell, cost = (await forecast(book))["ledgers"]

    assert (sell["ledger"], sums(sell)) == ("sell", ["200.00", "200.00", "200.00"])
    assert (cost["ledger"], sums(cost)) == ("cost", ["150.00", "150.00", "150.00"])
    assert sell["net"]["amount"] == "600.00"
    assert [line["certainty"] for line in sell["lines"]] == [
        "charged",
        "unless_cancelled",
        "depends_on_renewal",
    ]
    report = await book.report("2026-03-16")
    assert report["net"] == sell["net"]


async def test_a_forecast_from_positions_is_the_one_from_the_first_event(book):
    await year(book, "sub_a", "2026-01-20")
    await year(book, "sub_b", "2026-01-10")
    before = await forecast(book)
    await book.close("2026-01-16")
    await book.close("2026-02-16")

    assert await forecast(book) == before


async def test_days_ahead_have_their_money_attached(book):
    await year(book, "sub_a", "2026-02-26", quantity=4)  # can be given back until 5 March
    await year(book, "sub_b", "2025-04-01")  # renews on 1 April
    await year(book, "sub_c", "2025-04-05")
    ends = AutoRenewChanged(subscription_id="sub_c", tenant_id="ten_a", end_of_term="cancel")
    await book.told("sub_c", ends, "2026-02-01")

    due = (await forecast(book))["deadlines"]

    assert [(each["kind"], each["on"], each["quantity"]) for each in due] == [
        ("seats_returnable", "2026-03-05", 4),
        ("renewal", "2026-04-01", 10),
        ("end_of_term", "2026-04-05", 10),
    ]
    # Of 28 days from 26 February three are over: 4 x 20 x 25/28.
    assert due[0]["amount"] == {"amount": "71.43", "currency": "EUR"}
    assert (due[1]["amount"]["amount"], due[1]["cost"]["amount"]) == ("200.00", "150.00")


async def test_a_customer_sees_its_own_forecast_without_cost(book):
    await year(book, "sub_a", "2025-04-01")
    who = {"role": Role.CUSTOMER_ADMIN, "customer": "cus_a"}

    found = await forecast(book, **who)

    assert [each["ledger"] for each in found["ledgers"]] == ["sell"]
    assert all("cost" not in each for each in found["deadlines"])
    assert "cost" not in str((await book.get("/forecasts", **who)).json())
    other = await book.get("/forecasts/cus_a", role=Role.CUSTOMER_ADMIN, customer="cus_b")
    assert other.status_code == 404


async def test_forecasts_of_all_customers_come_in_pages(book):
    await book.has_customer("cus_b", name="Adatum")
    await year(book, "sub_a", "2026-01-20")

    first = (await book.get("/forecasts?size=1")).json()
    second = (await book.get(f"/forecasts?size=1&after={first['next']}")).json()

    assert [each["customer_name"] for each in (*first["forecasts"], *second["forecasts"])] == [
        "Adatum",
        "Tailspin",
    ]
    assert second["next"] is None
    assert "lines" not in second["forecasts"][0]["ledgers"][0]


async def what_if(billing: "Billing", **choice: Any) -> dict[str, Any]:
    answer = await billing.http.post(
        "/internal/v1/forecasts/what-ifs",
        json={"subscription_id": "sub_a", **choice},
        headers=billing.headers(),
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_if_compares_two_futures_and_writes_nothing(book):
    await year(book, "sub_a", "2025-04-20")
    before = await book.count("inbox")

    fewer = await what_if(book, quantity_at_renewal=6, until="2026-06-30")
    price = await what_if(book, unit_price="18.00", until="2026-04-19")
    annual = await what_if(book, charge_cycle="P1Y", unit_price="216.00", until="2027-04-19")
    more = await what_if(book, quantity=12, until="2026-03-19")

    # April to June: three fees, the last of the old term on 20 March.
    assert (fewer["as_is"]["net"]["amount"], fewer["what_if"]["net"]["amount"]) == ("800.00", "560.00")
    assert fewer["difference"]["amount"] == "-240.00"
    # From 1 March on: the rest of the running cycle (19 of 28 days) and the fee of 20 March.
    assert price["difference"]["amount"] == "-33.57"
    assert annual["difference"]["amount"] != "0.00"
    assert any(line["amount"]["amount"] == "2160.00" for line in annual["what_if"]["lines"])
    # 10 seats give back 200.00 less 64.29 that is used, 12 seats cost 162.86 for 19 of 28 days.
    assert more["difference"]["amount"] == "27.15"
    assert await book.count("inbox") == before


async def test_an_annual_fee_is_compared_with_the_months_that_it_pays_for(book):
    """Term 20 Apr 2025 to 19 Apr 2026, 10 seats at 20.00: from 1 March, one more month or 1/12 of the year."""
    await year(book, "sub_a", "2025-04-20")

    annual = await what_if(book, charge_cycle="P1Y", unit_price="216.00")

    assert annual["until"] == "2026-04-19"
    assert (annual["as_is"]["net"]["amount"], annual["what_if"]["net"]["amount"]) == ("200.00", "180.00")
    assert {line["title"] for line in annual["as_is"]["lines"]} == {"Premium"}


async def test_a_what_if_of_an_addon_is_on_the_cycles_of_its_base(book):
    """Base from 20 January, add-on from 25 January: its fee is due on the 20th, and 19 of 28 days of this cycle are left."""
    await year(book, "sub_b", "2026-01-20")
    await year(book, "sub_a", "2026-01-25", base="sub_b")

    more = await what_if(book, quantity=12, until="2026-03-19")

    assert more["as_is"]["lines"] == []
    assert [(line["period"]["until"], line["amount"]["amount"]) for line in more["what_if"]["lines"]] == [
        ("2026-03-20", "-135.71"),
        ("2026-03-20", "162.86"),
    ]


async def test_a_what_if_without_a_price_says_no_difference(book):
    await year(book, "sub_a", "2025-04-20")
    unpriced = await what_if(book, charge_cycle="P1Y")
    assert (unpriced["what_if"]["pending_count"], unpriced["difference"]) == (1, None)


async def test_a_what_if_needs_a_choice_and_a_bearable_horizon(book):
    await year(book, "sub_a", "2026-01-20")

    async def status(**body: Any) -> int:
        answer = await book.http.post("/internal/v1/forecasts/what-ifs", json=body, headers=book.headers())
        return answer.status_code

    assert await status(subscription_id="sub_a") == 422
    assert await status(subscription_id="sub_a", quantity=1, until="2040-01-01") == 422
    assert await status(subscription_id="sub_a", quantity=1, until="2026-02-01") == 422
    assert await status(subscription_id="sub_x", quantity=1) == 404
