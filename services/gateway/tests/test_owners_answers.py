"""What an owner tells more than a customer may see stops at the gateway; its files are handed on as they come."""

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from csp_testing.screens import CUSTOMER

MONEY = {"amount": "31.00", "currency": "EUR"}
PERIOD = {"from": "2026-03-15", "until": "2026-04-15", "time_zone": "UTC"}
REPORT = {
    "id": "rep_a",
    "customer_id": CUSTOMER,
    "customer_name": "Contoso",
    "dated_on": "2026-04-15",
    "period": PERIOD,
    "status": "open",
    "ledger": "sell",
    "net": MONEY,
    "tax": MONEY,
    "gross": MONEY,
    "line_count": 1,
    "pending_count": 0,
    "number": None,
    "sha256": None,
    "hold_reason": None,
    "held_by": None,
    "issued_at": None,
    "cost": MONEY,
}
LINE = {
    "id": "lin_a",
    "subscription_id": "sub_a",
    "title": "Basic",
    "product": "p:1",
    "kind": "cycle_fee",
    "reason": "renewal",
    "posted_on": "2026-03-16",
    "period": PERIOD,
    "quantity": 1,
    "unit_price": MONEY,
    "amount": MONEY,
    "late": False,
    "why": {
        "text": "a month",
        "rule": "R1",
        "caused_by": [],
        "price_ref": "row/1",
        "inputs": {
            "unit_price": "31",
            "quantity": 1,
            "days": 31,
            "of_days": 31,
            "discount": "0",
            "cost": "20",
        },
        "key": "k",
        "revision": 1,
        "posted_on": "2026-03-16",
        "late": False,
    },
    "matched_to": [],
    "margin": MONEY,
}
DEADLINE = {
    "kind": "renewal",
    "on": "2026-04-15",
    "at": None,
    "subscription_id": "sub_a",
    "title": "Basic",
    "quantity": 1,
    "amount": MONEY,
    "cost": MONEY,
}
LEDGER = {
    "ledger": "sell",
    "net": MONEY,
    "by_certainty": {"charged": MONEY, "unless_cancelled": MONEY, "depends_on_renewal": MONEY},
    "line_count": 1,
    "pending_count": 0,
    "lines": [{**LINE, "certainty": "charged"}],
}
FORECAST = {
    "customer_id": CUSTOMER,
    "customer_name": "Contoso",
    "period": PERIOD,
    "dated_on": "2026-04-15",
    "as_of": "2026-03-20T09:00:00Z",
    "ledgers": [LEDGER],
    "deadlines": [DEADLINE],
}


@pytest.fixture
def billing(peers):
    """Billing as it would be if it told a customer too much."""
    app = FastAPI()
    net = {"count": 1, "net": MONEY}
    day = {"on": "2026-03-16", "net": MONEY, "subscriptions": []}
    day["subscriptions"] = [{"subscription_id": "sub_a", "title": "Basic", "net": MONEY, "lines": [LINE]}]
    answers = {
        "/reports": {"reports": [REPORT], "next": None},
        "/reports/rep_a": {**REPORT, "dates": [day]},
        "/reports/rep_a/lines": {"lines": [LINE], "next": None, "totals": net},
        "/forecasts": {"forecasts": [FORECAST], "next": None},
        f"/forecasts/{CUSTOMER}": FORECAST,
    }
    for path, answer in answers.items():
        app.add_api_route(f"/internal/v1{path}", lambda answer=answer: answer)

    async def pieces():
        for number in range(3):
            yield f"line {number}\n"

    app.add_api_route(
        "/internal/v1/reports/rep_a/export",
        lambda: StreamingResponse(
            pieces(), media_type="text/csv", headers={"Content-Disposition": 'attachment; filename="a.csv"'}
        ),
        response_model=None,
    )
    peers.apps["billing"] = app


@pytest.mark.parametrize(
    "path",
    [
        "/billing-reports",
        "/billing-reports/rep_a",
        "/billing-reports/rep_a/lines",
        "/billing-forecasts",
        f"/billing-forecasts/{CUSTOMER}",
    ],
)
async def test_a_customer_is_shown_no_cost_whatever_billing_says(surfaces, billing, path):
    shown = (await surfaces["customer"][1].get(path)).raise_for_status().text
    assert "31.00" in shown
    for word in ("cost", "margin", "matched_to"):
        assert word not in shown


async def test_a_file_is_handed_on_with_its_name(surfaces, billing):
    answer = await surfaces["customer"][1].get("/billing-reports/rep_a/export")
    assert answer.text == "line 0\nline 1\nline 2\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a.csv"'
    assert answer.headers["Content-Type"].startswith("text/csv")


async def test_an_owner_that_does_not_answer_is_an_outage(surfaces):
    for path in ("/billing-reports", "/billing-reports/rep_a/export"):
        answer = await surfaces["customer"][1].get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "2"


async def test_reports_are_asked_for_by_ledger_and_status(surfaces, billing):
    reseller = surfaces["reseller"][1]
    for asked, count in [
        ("filter[ledger]=sell", 1),
        ("filter[ledger]=cost", 0),
        (f"filter[ledger]=sell&filter[status]={REPORT['status']}", 1),
        ("filter[status]=blocked", 0),
        ("filter[status][in]=blocked,open", 1),
        (f"filter[customer_id]={CUSTOMER}&filter[from]=2026-04-01&filter[until]=2026-05-01", 1),
        ("filter[dated_on][gte]=2026-04-15&filter[customer_name][contains]=TOSO", 1),
        ("filter[dated_on][gt]=2026-04-15", 0),
    ]:
        answer = await reseller.get(f"/billing-reports?{asked}")
        assert (answer.status_code, len(answer.json()["data"])) == (200, count), asked
    of_cost = await surfaces["customer"][1].get("/billing-reports?filter[ledger]=cost")
    assert of_cost.json()["data"] == [], "a customer is told of its sales reports alone"
    refused = await reseller.get("/billing-reports?filter[status]=paid")
    assert refused.status_code == 422
    assert "open, ended, blocked, held, carried, issued" in refused.text
