"""Where the reseller wishes it, customers read each change as one line; what was posted, its totals and its hash stay (section 19)."""

import csv
import io
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

from csp_contracts.provisioning_v1 import ResellerSettingChanged

if TYPE_CHECKING:
    from conftest import Billing


async def collapsing(billing: "Billing", since: str) -> None:
    setting = ResellerSettingChanged(
        reseller_id="res_north", setting="collapse_pairs", value="on", effective_on=date.fromisoformat(since)
    )
    await billing.told("res_north", setting, since)


async def taxed(billing: "Billing") -> None:
    answer = await billing.http.post(
        "/internal/v1/customers/cus_a/tax-rates",
        json={"effective_on": "2026-01-01", "percent": "19"},
        headers=billing.headers() | {"Idempotency-Key": "t1"},
    )
    assert answer.is_success, answer.text


def amounts(report: dict[str, Any]) -> list[tuple[int, str]]:
    return [
        (line["quantity"], line["amount"]["amount"])
        for day in report["dates"]
        for subscription in day["subscriptions"]
        for line in subscription["lines"]
    ]


@pytest.fixture
async def changed(february):
    """Ten seats for 20 each since 20 January, twelve from 1 February on."""
    await taxed(february)
    await february.changed("sub_a", "cus_a", "2026-02-01", 12, recorded="2026-02-01")
    return february


@pytest.mark.parametrize("issued", [False, True])
async def test_a_change_is_one_line_in_the_report_and_in_every_export(changed, issued):
    report = await changed.report("2026-02-16")
    before = (await changed.get(f"/reports/{report['id']}")).json()
    if issued:
        assert (await changed.issue(report["id"])).is_success
    canonical = (await changed.get(f"/reports/{report['id']}/export?format=canonical")).content
    await collapsing(changed, "2026-02-01")

    shown = (await changed.get(f"/reports/{report['id']}")).json()

    assert amounts(before) == [(10, "200.00"), (10, "-122.58"), (12, "147.10")]
    assert amounts(shown) == [(10, "200.00"), (2, "24.52")]
    assert [shown[name] for name in ("net", "tax", "gross")] == [
        before[name] for name in ("net", "tax", "gross")
    ]
    assert (await changed.get(f"/reports/{report['id']}/export?format=canonical")).content == canonical

    text = (await changed.get(f"/reports/{report['id']}/export?format=csv")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    lines = (await changed.get(f"/reports/{report['id']}/export?format=jsonl")).text.splitlines()
    book = load_workbook(
        io.BytesIO((await changed.get(f"/reports/{report['id']}/export?format=xlsx")).content)
    )
    cells = [row for row in book.active.iter_rows(min_row=2, values_only=True) if row[3] is not None]
    assert [(row["quantity"], row["amount"]) for row in rows] == [("10", "200.00"), ("2", "24.52")]
    assert [json.loads(line)["amount"]["amount"] for line in lines] == ["200.00", "24.52"]
    assert [float(row[12]) for row in cells] == [200.0, 24.52]
    tax = sum(int(row["tax"].replace(".", "")) for row in rows)
    assert f"{tax / 100:.2f}" == shown["tax"]["amount"]


async def test_it_counts_for_reports_dated_from_its_day_on_and_never_for_cost(changed):
    await collapsing(changed, "2026-02-17")
    report = await changed.report("2026-02-16")
    assert len(amounts((await changed.get(f"/reports/{report['id']}")).json())) == 3

    await collapsing(changed, "2026-02-16")
    cost = await changed.report("2026-02-16", ledger="cost")
    assert len(amounts((await changed.get(f"/reports/{cost['id']}")).json())) == 3
    assert len(amounts((await changed.get(f"/reports/{report['id']}")).json())) == 2


async def test_single_lines_are_found_as_they_were_posted(changed):
    await collapsing(changed, "2026-02-01")
    report = await changed.report("2026-02-16")
    page = (await changed.get(f"/reports/{report['id']}/lines")).json()
    assert (page["totals"]["count"], len(page["lines"])) == (3, 3)
