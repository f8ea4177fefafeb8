"""Tax of reports: on the sum of a rate's lines, corrections at the older line's rate, and credit notes where asked for."""

import csv
import json
from datetime import date
from typing import TYPE_CHECKING, Any

from csp_contracts.billing_v1 import BillingCycleClosed, ReportIssued
from csp_contracts.provisioning_v1 import ResellerSettingChanged
from csp_runtime.scope import Role

if TYPE_CHECKING:
    from conftest import Billing


async def rate(billing: "Billing", percent: str, day: str, key: str, **who: Any) -> Any:
    return await billing.http.post(
        "/internal/v1/customers/cus_a/tax-rates",
        json={"percent": percent, "effective_on": day},
        headers=billing.headers(**who) | {"Idempotency-Key": key},
    )


async def taxes(billing: "Billing", dated_on: str) -> dict[str, Any]:
    report = await billing.report(dated_on)
    answer = await billing.get(f"/reports/{report['id']}/taxes?lines=true")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_report_is_taxed_on_the_sum_of_its_lines_and_the_wire_is_told(february):
    assert (await rate(february, "19", "2026-01-01", "r1")).status_code == 201
    await february.close("2026-02-16")

    found = await taxes(february, "2026-02-16")

    assert (found["net"]["amount"], found["tax"]["amount"], found["gross"]["amount"]) == (
        "200.00",
        "38.00",
        "238.00",
    )
    issued = {event.ledger: event.tax_minor for event in await february.events(ReportIssued)}
    assert issued == {"sell": 3800, "cost": 0}


async def test_a_correction_is_taxed_at_the_rate_of_the_line_that_it_corrects(february):
    await rate(february, "16", "2026-01-01", "r1")
    await rate(february, "19", "2026-02-16", "r2")
    await february.close("2026-02-16")
    february.move_to("2026-03-16")
    # Five of ten seats are given back for 17 and 18 February, known and posted in the next report.
    await february.changed("sub_a", "cus_a", "2026-02-18", 5, recorded="2026-02-18")
    await february.close("2026-03-16")

    found = await taxes(february, "2026-03-16")

    lines = {line["position"]: line for line in found["lines"]}
    report = await february.report("2026-03-16")
    detailed = await february.lines(report["id"])
    by_kind = {line["kind"]: lines[place]["percent"] for place, line in enumerate(detailed, start=1)}
    assert by_kind["refund"] == "16.00"
    assert by_kind["pro_rata"] == "19.00"
    assert [each["percent"] for each in found["rates"]] == ["16.00", "19.00"]
    for each in found["rates"]:
        parts = [line["tax"]["amount"] for line in found["lines"] if line["percent"] == each["percent"]]
        assert round(sum(map(float, parts)), 2) == float(each["tax"]["amount"])


async def test_an_open_report_is_shown_with_the_tax_that_it_is_issued_with(february):
    await rate(february, "16", "2026-01-01", "r1")
    await rate(february, "19", "2026-02-16", "r2")
    february.move_to("2026-03-16")
    # Both windows are open still: the seats given back were charged in the first, the rest counts in the second.
    await february.changed("sub_a", "cus_a", "2026-02-18", 5, recorded="2026-02-18")
    days = ("2026-02-16", "2026-03-16")
    before = [await taxes(february, day) for day in days]
    shown = [await february.report(day) for day in days]
    for day in days:
        await february.close(day)
    after = [await taxes(february, day) for day in days]

    kept = ("net", "tax", "gross", "rates", "lines")
    assert [{name: each[name] for name in kept} for each in before] == [
        {name: each[name] for name in kept} for each in after
    ]
    assert [each["number"] for each in before] == [None, None]
    assert {each["percent"] for each in before[1]["rates"]} == {"16.00", "19.00"}
    assert [each["tax"] for each in shown] == [each["tax"] for each in after]
    closed = await february.events(BillingCycleClosed)
    assert [event.tax_minor["EUR"] for event in closed] == [_minor(each["tax"]) for each in after]


def _minor(money: dict[str, str]) -> int:
    return int(money["amount"].replace(".", ""))


async def test_every_line_of_an_export_carries_its_part_of_the_tax(february):
    await rate(february, "19", "2026-01-01", "r1")
    report = await february.report("2026-02-16")
    for _ in range(2):
        text = (await february.get(f"/reports/{report['id']}/export?format=csv")).text
        rows = list(csv.DictReader(text.splitlines()))
        assert [(row["tax_percent"], row["tax"]) for row in rows] == [("19.00", "38.00")]
        lines = (await february.get(f"/reports/{report['id']}/export?format=jsonl")).text.splitlines()
        tax = {"percent": "19.00", "tax": {"amount": "38.00", "currency": "EUR"}}
        assert [json.loads(line)["tax"] for line in lines] == [tax]
        await february.close("2026-02-16")


async def test_a_rate_that_is_set_later_changes_no_issued_report(february):
    await rate(february, "19", "2026-01-01", "r1")
    await february.close("2026-02-16")
    before = await taxes(february, "2026-02-16")
    february.move_to("2026-02-17")

    await rate(february, "7", "2026-01-01", "r2")

    assert await taxes(february, "2026-02-16") == before
    rates = (await february.get("/customers/cus_a/tax-rates")).json()
    assert [each["percent"] for each in rates] == ["7.00"]


async def test_a_customer_without_a_rate_is_not_taxed(february):
    await february.close("2026-02-16")
    found = await taxes(february, "2026-02-16")
    assert (found["tax"]["amount"], found["rates"], found["lines"]) == ("0.00", [], [])


async def test_a_credit_note_lists_exactly_the_negative_lines_and_what_they_give_back(february):
    await rate(february, "19", "2026-01-01", "r1")
    await february.close("2026-02-16")
    (fee,) = await february.lines((await february.report("2026-02-16"))["id"])
    february.move_to("2026-03-16")
    await february.changed("sub_a", "cus_a", "2026-02-18", 5, recorded="2026-02-18")
    await february.close("2026-03-16")
    report = await february.report("2026-03-16")
    assert (await february.get(f"/reports/{report['id']}/credit-note")).status_code == 404

    setting = ResellerSettingChanged(
        reseller_id="res_north", setting="credit_note", value="on", effective_on=date(2026, 1, 1)
    )
    await february.told("res_north", setting, "2026-01-01")
    note = (await february.get(f"/reports/{report['id']}/credit-note")).json()

    negative = [
        line for line in await february.lines(report["id"]) if line["amount"]["amount"].startswith("-")
    ]
    assert [line["id"] for line in note["lines"]] == [line["id"] for line in negative]
    assert note["lines"][0]["reverses"] == {
        "line_id": fee["id"],
        "report_id": (await february.report("2026-02-16"))["id"],
        "report_number": "R-000001",
        "amount": {"amount": "200.00", "currency": "EUR"},
    }
    assert note["number"] == "R-000002-CN"
    assert float(note["gross"]["amount"]) == round(float(note["net"]["amount"]) * 1.19, 2)
    own = await february.get(
        f"/reports/{report['id']}/credit-note", role=Role.CUSTOMER_ADMIN, customer="cus_a"
    )
    assert own.status_code == 200
    other = await february.get(
        f"/reports/{report['id']}/credit-note", role=Role.CUSTOMER_ADMIN, customer="cus_b"
    )
    assert other.status_code == 404


async def test_rates_are_the_resellers_affair(february):
    assert (
        await rate(february, "19", "2026-01-01", "x", role=Role.CUSTOMER_ADMIN, customer="cus_a")
    ).status_code == 404
    assert (await rate(february, "19", "2026-01-01", "x", role=Role.RESELLER_SUPPORT)).status_code == 403
    assert (await rate(february, "19", "2026-01-01", "x", reseller="res_south")).status_code == 404
    assert (await rate(february, "1.234", "2026-01-01", "x")).status_code == 422
