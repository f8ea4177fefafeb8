"""What the match with Microsoft's invoices promises: taken whole or not, every difference named, nothing lost until decided."""

import asyncio
import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from csp_billing.invoices.worker import MatchWorker
from csp_contracts.billing_v1 import VarianceFound, VarianceResolved
from csp_contracts.ids import Kind, named_id
from csp_contracts.subscriptions_v1 import SubscriptionCreated
from csp_runtime.scope import Role

if TYPE_CHECKING:
    from conftest import Billing

RESELLER = "res_north"
PRODUCT = "CFQ7TTC0LH18:0001"
GUID = "9d7d1f3d-c8de-461c-db6d-91debd5129f0"
OTHER = "86646af9-e80a-4aa0-da80-3fd2b792c2cc"
STRANGE = "307628f1-d9d2-f09c-ea1f-4183f0cae308"


def sub(guid: str) -> str:
    return named_id(Kind.SUBSCRIPTION, RESELLER, guid)


def row(
    guid: str, start: str, end: str, quantity: int, amount: str, kind: str = "new", **more: str
) -> dict[str, str]:
    return {
        "InvoiceNumber": "G1",
        "CustomerId": "835a59a7-3172-47b5-bdef-d9cc65f4d0e4",
        "SubscriptionId": guid,
        "ChargeType": kind,
        "UnitPrice": "15",
        "Quantity": str(quantity),
        "BillableQuantity": str(quantity),
        "Subtotal": amount,
        "TaxTotal": "0",
        "Total": amount,
        "Currency": "EUR",
        "ChargeStartDate": start,
        "ChargeEndDate": end,
        "ReferenceId": "",
        **more,
    }


def lines(*rows: dict[str, str]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in rows)


async def upload(billing: "Billing", data: bytes, key: str = "u1", **asked: Any) -> Any:
    who = {name: asked.pop(name) for name in ("role", "customer", "reseller") if name in asked}
    return await billing.http.post(
        "/internal/v1/invoice-imports",
        content=data,
        params=asked,
        headers=billing.headers(**who) | {"Idempotency-Key": key},
    )


async def work(billing: "Billing") -> None:
    url = billing.platform.settings.database_url.get_secret_value()
    worker = MatchWorker(url, "billing", billing.platform.wakeups, billing.clock)
    await asyncio.to_thread(worker.once)


async def matched(billing: "Billing", data: bytes, key: str = "u1", **asked: Any) -> dict[str, Any]:
    """Upload a file and let the worker match it."""
    answer = await upload(billing, data, key, **asked)
    assert answer.status_code == 201, answer.text
    await work(billing)
    found: dict[str, Any] = (await billing.get(f"/invoice-imports/{answer.json()['id']}")).json()
    assert found["status"] == "matched"
    return found


async def matches(billing: "Billing", import_id: str, query: str = "") -> list[dict[str, Any]]:
    answer = await billing.get(f"/invoice-imports/{import_id}/matches{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def post(billing: "Billing", path: str, key: str, body: Any = None, **who: Any) -> Any:
    return await billing.http.post(
        f"/internal/v1{path}", json=body or {}, headers=billing.headers(**who) | {"Idempotency-Key": key}
    )


def reasons(found: dict[str, Any]) -> dict[str, tuple[int, str]]:
    return {each["reason"]: (each["matches"], each["difference"]["amount"]) for each in found["reasons"]}


@pytest.fixture
async def january(billing: "Billing") -> "Billing":
    """Ten seats at a cost of 15 bought on 20 January, 15 from 10 February on; it is 8 March 2026."""
    billing.clock.move_to(datetime.fromisoformat("2026-03-08T09:00:00+00:00"))
    await billing.has_customer("cus_a")
    await billing.bought(sub(GUID), "cus_a", "2026-01-20")
    await billing.priced(sub(GUID), "cus_a", "2026-01-20", sell=20, cost=15)
    await billing.changed(sub(GUID), "cus_a", "2026-02-10", 15, recorded="2026-02-10")
    return billing


# 10 seats for 10 to 19 February are 48.387 back, 15 seats 72.580 anew: cut at the line, as Microsoft does.
FEBRUARY = (
    row(GUID, "2026-02-10", "2026-02-19", 10, "-48.38", "addQuantity", ReferenceId="a"),
    row(GUID, "2026-02-10", "2026-02-19", 15, "72.58", "addQuantity", ReferenceId="a"),
    row(GUID, "2026-02-20", "2026-03-19", 15, "225.00", "renew"),
)


async def test_an_invoice_that_says_what_we_say_is_all_equal(january):
    found = await matched(january, lines(*FEBRUARY))

    assert reasons(found) == {"equal": (3, "0.00")}
    assert (found["microsoft"]["amount"], found["ours"]["amount"]) == ("249.20", "249.20")
    assert (found["undecided"], found["row_count"]) == (0, 3)
    assert found["period"]["from"] == "2026-02-01"
    assert await january.events(VarianceFound) == []


async def test_lines_of_reports_that_are_issued_match_as_those_that_are_open(january):
    for dated_on in ("2026-02-16",):
        cost = await january.report(dated_on, ledger="cost")
        assert (await january.issue(cost["id"], "i1")).status_code == 200

    found = await matched(january, lines(*FEBRUARY))

    assert reasons(found) == {"equal": (3, "0.00")}


async def test_a_cost_line_says_which_rows_of_microsofts_stand_against_it(january):
    dated = "2026-02-16"
    cost = await january.report(dated, ledger="cost")
    assert {tuple(line["matched_to"]) for line in await january.lines(cost["id"])} == {()}

    found = await matched(january, lines(*FEBRUARY))

    # The purchase of January is not in the invoice of February.
    purchase, *changes = await january.lines(cost["id"])
    assert (purchase["reason"], purchase["matched_to"]) == ("purchase", [])
    assert [line["matched_to"][0]["rows"] for line in changes] == [[1], [2]]
    assert {(each["import_id"], each["code"]) for line in changes for each in line["matched_to"]} == {
        (found["id"], "equal")
    }
    sell = await january.report(dated)
    assert all("matched_to" not in line for line in await january.lines(sell["id"]))


async def test_each_difference_has_its_reason_and_together_they_are_the_whole_difference(january):
    await january.bought(sub(OTHER), "cus_a", "2026-02-03")
    await january.priced(sub(OTHER), "cus_a", "2026-02-03", sell=20, cost=15)
    found = await matched(
        january,
        lines(
            FEBRUARY[0],
            row(GUID, "2026-02-10", "2026-02-19", 15, "72.45", "addQuantity", ReferenceId="a"),
            row(GUID, "2026-02-20", "2026-03-19", 15, "230.00", "renew"),
            row(GUID, "2026-02-21", "2026-02-25", 3, "7.00", "addQuantity"),
            row(STRANGE, "2026-02-01", "2026-02-28", 4, "60.00"),
            row("", "2026-02-01", "2026-02-28", 1, "-5.00", "customerCredit"),
        ),
    )

    assert reasons(found) == {
        "equal": (1, "0.00"),
        "explained:rounding(unit_down)": (1, "-0.13"),
        "unexplained": (1, "5.00"),
        "missing_event": (1, "7.00"),
        "unknown_subscription": (1, "60.00"),
        "missing_charge": (1, "-150.00"),
        "adjustment_only_on_invoice": (1, "-5.00"),
    }
    whole = sum(round(float(each["difference"]["amount"]) * 100) for each in found["reasons"])
    assert found["difference"]["amount"] == f"{whole / 100:.2f}"
    told = await january.events(VarianceFound)
    assert Counter(event.outcome for event in told) == Counter(
        [
            "unexplained",
            "missing_event",
            "unknown_subscription",
            "missing_charge",
            "adjustment_only_on_invoice",
        ]
    )
    assert {event.subscription_id for event in told} == {sub(GUID), sub(OTHER), None}


async def test_what_microsofts_other_system_bills_is_not_missing_from_an_invoice(january):
    legacy = sub(OTHER)
    await january.told(
        legacy,
        SubscriptionCreated(
            subscription_id=legacy,
            tenant_id="ten_a",
            microsoft_subscription_id=OTHER,
            commerce="legacy",
            rule_set="legacy_anniversary",
            product=PRODUCT,
            product_title="Premium",
            term="P1Y",
            charge_cycle="P1M",
            quantity=2,
            status="active",
            currency="EUR",
        ),
        "2026-02-03",
    )
    await january.priced(legacy, "cus_a", "2026-02-03", sell=20, cost=15)

    modern = await matched(january, lines(*FEBRUARY))
    old = {
        **row("", "2026-02-03", "2026-03-02", 2, "30.00", "Cycle fee"),
        "SyndicationPartnerSubscriptionNumber": OTHER.upper(),
        "Amount": "30.00",
        "InvoiceNumber": "D1",
    }
    recurring = await matched(january, lines(old), "u2")

    assert reasons(modern) == {"equal": (3, "0.00")}
    assert (recurring["format"], reasons(recurring)) == ("legacy", {"equal": (1, "0.00")})


async def test_the_same_file_twice_is_one_import_and_another_file_of_the_invoice_is_refused(january):
    first = await matched(january, lines(*FEBRUARY))
    again = await upload(january, lines(*FEBRUARY), "u2")
    other = await upload(january, lines(*FEBRUARY[:2]), "u3")

    assert again.json()["id"] == first["id"]
    assert again.json()["is_known"] is True
    assert (other.status_code, other.json()["code"]) == (409, "invoice_imported")
    assert other.json()["import_id"] == first["id"]
    assert await january.count("invoice_imports") == 1
    assert await january.count("invoice_rows") == 3


async def test_a_file_that_does_not_add_up_is_refused_whole(january):
    wrong_total = await upload(january, lines(*FEBRUARY), total="250.00")
    wrong_rows = await upload(january, lines(*FEBRUARY), "u2", rows=4)
    broken = await upload(january, lines(*FEBRUARY, {**FEBRUARY[0], "Subtotal": "1,00"}), "u3")

    assert [each.status_code for each in (wrong_total, wrong_rows, broken)] == [422, 422, 422]
    assert wrong_total.json()["invalid_parameters"][0]["rule"] == "total"
    assert "249.20" in wrong_total.json()["detail"]
    assert wrong_rows.json()["invalid_parameters"][0]["rule"] == "row-count"
    assert broken.json()["invalid_parameters"][0]["field"] == "row 4, column Subtotal"
    assert (broken.json()["row"], broken.json()["column"]) == (4, "Subtotal")
    assert await january.count("invoice_rows") == await january.count("invoice_imports") == 0


async def test_what_the_invoice_has_beside_its_lines_is_declared_and_shown(january):
    found = await matched(january, lines(*FEBRUARY), total="248.20", adjustment="-1.00")

    assert reasons(found) == {"equal": (3, "0.00"), "adjustment_only_on_invoice": (1, "-1.00")}
    assert found["undecided"] == 1


async def test_an_import_is_signed_off_once_every_difference_is_decided_of(january):
    found = await matched(january, lines(*FEBRUARY, row(STRANGE, "2026-02-01", "2026-02-28", 4, "60.00")))
    path = f"/invoice-imports/{found['id']}"
    body = {"name": "A. Smith", "note": "checked"}
    early = await post(january, f"{path}/sign-off", "s1", body)
    assert (early.status_code, early.json()["code"], early.json()["undecided"]) == (
        409,
        "differences_undecided",
        1,
    )
    (waiting,) = await matches(january, found["id"], "?undecided=true")
    explained = (await matches(january, found["id"], "?reason=equal"))[0]
    assert (
        await post(january, f"/invoice-matches/{explained['id']}/decide", "d0", {"decision": "accept"})
    ).json()["code"] == "nothing_to_decide"

    decided = await post(
        january, f"/invoice-matches/{waiting['id']}/decide", "d1", {"decision": "dispute", "note": "ticket 7"}
    )
    signed = await post(january, f"{path}/sign-off", "s2", body)
    late = await post(january, f"/invoice-matches/{waiting['id']}/decide", "d2", {"decision": "accept"})

    assert decided.json()["decision"]["decision"] == "dispute"
    assert (signed.status_code, signed.json()["status"]) == (200, "signed_off")
    assert (signed.json()["signed_off"]["name"], signed.json()["signed_off"]["note"]) == (
        "A. Smith",
        "checked",
    )
    assert (late.status_code, late.json()["code"]) == (409, "import_settled")
    assert [event.resolution for event in await january.events(VarianceResolved)] == ["dispute"]


async def test_a_credit_of_microsofts_is_passed_on_by_an_adjustment(january):
    found = await matched(
        january, lines(*FEBRUARY, row(GUID, "2026-02-01", "2026-02-28", 1, "-5.00", "customerCredit"))
    )
    (waiting,) = await matches(january, found["id"], "?undecided=true")
    body = {"subscription_id": sub(GUID), "amount": {"amount": "-5.00", "currency": "EUR"}, "text": "Outage"}
    granted = (await post(january, "/adjustments", "g1", body)).json()

    path = f"/invoice-matches/{waiting['id']}/decide"
    nothing = await post(january, path, "d1", {"decision": "adjust"})
    unknown = await post(january, path, "d2", {"decision": "adjust", "adjustment_id": "adj_x"})
    decided = await post(january, path, "d3", {"decision": "adjust", "adjustment_id": granted["id"]})

    assert (nothing.status_code, unknown.status_code, decided.status_code) == (422, 404, 200)
    assert decided.json()["decision"]["adjustment_id"] == granted["id"]


async def test_a_match_made_anew_keeps_what_was_decided_and_tells_nothing_twice(january):
    found = await matched(january, lines(*FEBRUARY, row(STRANGE, "2026-02-01", "2026-02-28", 4, "60.00")))
    (waiting,) = await matches(january, found["id"], "?undecided=true")
    await post(january, f"/invoice-matches/{waiting['id']}/decide", "d1", {"decision": "accept"})

    assert (await post(january, f"/invoice-imports/{found['id']}/match", "m1")).status_code == 202
    await work(january)

    again = (await january.get(f"/invoice-imports/{found['id']}")).json()
    assert (again["status"], again["undecided"], reasons(again)) == ("matched", 0, reasons(found))
    assert len(await january.events(VarianceFound)) == 1


async def test_what_becomes_known_later_explains_a_difference(january):
    late = row(GUID, "2026-02-24", "2026-03-19", 15, "-192.85", "removeQuantity", ReferenceId="b")
    later = row(GUID, "2026-02-24", "2026-03-19", 14, "180.00", "removeQuantity", ReferenceId="b")
    found = await matched(january, lines(*FEBRUARY, late, later))
    assert reasons(found)["missing_event"] == (2, "-12.85")

    await january.changed(sub(GUID), "cus_a", "2026-02-24", 14, recorded="2026-03-08")
    await post(january, f"/invoice-imports/{found['id']}/match", "m1")
    await work(january)

    again = (await january.get(f"/invoice-imports/{found['id']}")).json()
    assert reasons(again) == {"equal": (5, "0.00")}
    told = [event.variance_id for event in await january.events(VarianceFound)]
    resolved = await january.events(VarianceResolved)
    assert {(event.variance_id, event.resolution) for event in resolved} == {
        (each, "explained") for each in told
    }


async def test_a_charge_that_microsoft_has_in_its_next_file_is_timing_and_then_no_longer_missing(january):
    february = await matched(january, lines(*FEBRUARY[:2]))
    assert reasons(february)["missing_charge"] == (1, "-225.00")

    march = await matched(
        january,
        lines({**FEBRUARY[2], "InvoiceNumber": "G2"}),
        "u2",
        from_on="2026-03-01",
        until_on="2026-03-31",
    )
    await work(january)

    assert reasons(march)["explained:timing"] == (1, "0.00")
    assert reasons((await january.get(f"/invoice-imports/{february['id']}")).json()) == {"equal": (2, "0.00")}


async def test_a_discarded_import_gives_its_lines_and_its_invoice_free(january):
    wrong = await matched(january, lines(*FEBRUARY[:2]))
    assert (await post(january, f"/invoice-imports/{wrong['id']}/discard", "x1")).json()[
        "status"
    ] == "discarded"

    right = await matched(january, lines(*FEBRUARY), "u2")

    assert reasons(right) == {"equal": (3, "0.00")}
    assert [event.resolution for event in await january.events(VarianceResolved)] == ["discarded"]


async def test_texts_that_no_database_holds_are_no_reason_to_refuse_an_invoice(january):
    wild = {"InvoiceNumber": "G1\0", "SkuName": "Premium \ud800", "CustomerId": "\ud800\0", "Odd": "\0\ud800"}
    found = await matched(
        january,
        lines(row(f"{STRANGE}\0\ud800", "2026-02-01", "9999-12-31", 4, "60.00", **wild)),
        name="march\0",
        invoice_id="G1\0",
    )
    assert (found["name"], found["invoice_id"], reasons(found)["unknown_subscription"]) == (
        "march",
        "G1",
        (1, "60.00"),
    )


async def test_days_on_which_no_invoice_can_be_are_refused_before_the_match_meets_them(january):
    late = await upload(january, lines(row(GUID, "9999-12-01", "9999-12-31", 4, "60.00")), "u1")
    asked = {"from_on": "2026-02-01", "until_on": "9999-12-31"}
    said = await upload(january, lines(*FEBRUARY), "u2", **asked)
    assert [answer.status_code for answer in (late, said)] == [422, 422]
    assert said.json()["invalid_parameters"][0]["field"] == "until_on"


async def test_an_import_that_cannot_be_matched_keeps_no_other_waiting(january, database_url):
    broken = (await upload(january, lines(*FEBRUARY[:2]))).json()["id"]
    behind = (await upload(january, lines({**FEBRUARY[2], "InvoiceNumber": "G2"}), "u2")).json()["id"]
    with psycopg.connect(
        database_url, autocommit=True
    ) as connection:  # no way leads here but a fault of ours
        connection.execute(
            "update billing.invoice_imports set until_on = '9999-12-31' where import_id = %s", [broken]
        )
    with pytest.raises(OverflowError):
        await work(january)
    status = [(await january.get(f"/invoice-imports/{each}")).json()["status"] for each in (broken, behind)]
    assert status == ["matching", "matched"]


async def test_matches_are_paged_and_filtered(january):
    found = await matched(january, lines(*FEBRUARY, row(STRANGE, "2026-02-01", "2026-02-28", 4, "60.00")))
    everything = await matches(january, found["id"])

    first = await matches(january, found["id"], "?limit=2")
    rest = await matches(january, found["id"], f"?limit=10&after={first[-1]['number']}")

    assert [each["number"] for each in [*first, *rest]] == [each["number"] for each in everything]
    assert len(await matches(january, found["id"], f"?subscription_id={GUID.upper()}")) == 3
    assert len(await matches(january, found["id"], "?customer_id=cus_a")) == 3
    assert len(await matches(january, found["id"], "?reason=unknown_subscription")) == 1
    assert everything[0]["rows"][0]["charge_type"] == "addQuantity"


async def test_to_customers_and_other_resellers_there_is_no_import(january):
    found = await matched(january, lines(*FEBRUARY))
    path = f"/invoice-imports/{found['id']}"

    for who in ({"role": Role.CUSTOMER_ADMIN, "customer": "cus_a"}, {"reseller": "res_south"}):
        assert (await january.get(path, **who)).status_code == 404
        assert (await january.get(f"{path}/matches", **who)).status_code == 404
        assert (await post(january, f"{path}/match", "z", **who)).status_code == 404
    assert (
        await january.get("/invoice-imports", role=Role.CUSTOMER_ADMIN, customer="cus_a")
    ).status_code == 404
    assert (await january.get("/invoice-imports", reseller="res_south")).json() == []
    assert (await upload(january, lines(*FEBRUARY), "y", role=Role.RESELLER_AUDITOR)).status_code == 403
