"""What an adjustment by hand promises: a line at once, never more than its line has, the same however it is folded."""

import asyncio
from typing import TYPE_CHECKING, Any

from csp_contracts.billing_v1 import BillingLineAdded, ManualAdjustmentGranted
from csp_runtime.scope import Role

if TYPE_CHECKING:
    from conftest import Billing


async def grant(billing: "Billing", amount: str, key: str = "a1", **more: Any) -> Any:
    who = {name: more.pop(name) for name in ("role", "customer", "reseller") if name in more}
    body = {
        "subscription_id": "sub_a",
        "amount": {"amount": amount, "currency": more.pop("currency", "EUR")},
        "text": "Outage in February",
        **more,
    }
    return await billing.http.post(
        "/internal/v1/adjustments", json=body, headers=billing.headers(**who) | {"Idempotency-Key": key}
    )


async def adjusted(billing: "Billing", dated_on: str) -> list[dict[str, Any]]:
    report = await billing.report(dated_on)
    return [line for line in await billing.lines(report["id"]) if line["kind"] == "adjustment"]


async def test_a_credit_is_a_line_of_the_open_report_at_once_and_never_of_the_cost_ledger(february):
    answer = await grant(february, "-12.50")

    assert answer.status_code == 201, answer.text
    (line,) = await adjusted(february, "2026-03-16")
    assert line["amount"] == {"amount": "-12.50", "currency": "EUR"}
    assert "Outage in February" in line["why"]["text"]
    cost = await february.report("2026-03-16", ledger="cost")
    assert all(each["kind"] != "adjustment" for each in await february.lines(cost["id"]))
    (told,) = await february.events(ManualAdjustmentGranted)
    assert (told.amount_minor, told.text, told.line_id) == (-1250, "Outage in February", None)


async def test_a_charge_by_hand_is_a_line_too(february):
    assert (await grant(february, "30.00")).status_code == 201
    assert (await adjusted(february, "2026-03-16"))[0]["amount"]["amount"] == "30.00"


async def test_a_credit_of_a_line_is_capped_by_what_is_open_of_it(february):
    await february.close("2026-02-16")
    report = await february.report("2026-02-16")
    (fee,) = await february.lines(report["id"])
    assert fee["amount"]["amount"] == "200.00"

    first = await grant(february, "-150.00", "a1", line_id=fee["id"])
    second = await grant(february, "-60.00", "a2", line_id=fee["id"])
    third = await grant(february, "-50.00", "a3", line_id=fee["id"])
    again = await grant(february, "-150.00", "a1", line_id=fee["id"])

    assert [each.status_code for each in (first, second, third, again)] == [201, 409, 201, 201]
    assert (second.json()["code"], second.json()["open"]["amount"]) == ("credit_exceeds_line", "50.00")
    assert again.json() == first.json()
    lines = await adjusted(february, "2026-03-16")
    assert sorted(line["amount"]["amount"] for line in lines) == ["-150.00", "-50.00"]
    assert {line["why"]["reverses"] for line in lines} == {fee["why"]["key"]}


async def test_two_credits_of_one_line_at_once_never_exceed_it(february):
    await february.close("2026-02-16")
    (fee,) = await february.lines((await february.report("2026-02-16"))["id"])

    answers = await asyncio.gather(
        *(grant(february, "-120.00", f"a{n}", line_id=fee["id"]) for n in range(4))
    )

    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]


async def test_a_seat_given_back_after_a_credit_gives_back_what_is_left(february):
    await february.close("2026-02-16")
    (fee,) = await february.lines((await february.report("2026-02-16"))["id"])
    await grant(february, "-190.00", line_id=fee["id"])
    february.move_to("2026-02-18")
    await february.changed("sub_a", "cus_a", "2026-02-18", 5, recorded="2026-02-18")

    lines = await february.lines((await february.report("2026-03-16"))["id"])

    refunded = sum(
        float(line["amount"]["amount"]) for line in lines if line["kind"] in ("refund", "adjustment")
    )
    assert -200 <= refunded < -190


async def test_adjustments_are_the_same_folded_from_the_first_event_and_from_positions(february):
    await february.close("2026-02-16")
    (fee,) = await february.lines((await february.report("2026-02-16"))["id"])
    await grant(february, "-20.00", "a1", line_id=fee["id"])
    await grant(february, "5.00", "a2")
    february.move_to("2026-03-16")
    await february.close("2026-03-16")
    await grant(february, "-7.00", "a3", line_id=fee["id"])
    february.move_to("2026-04-16")
    await february.close("2026-04-16")

    assert await february.differences() == []
    granted = [line for line in await february.events(BillingLineAdded) if line.kind == "adjustment"]
    assert sorted(line.amount_minor for line in granted) == [-2000, -700, 500]


async def test_what_cannot_be_granted_is_refused_by_field(february):
    await february.close("2026-02-16")
    (fee,) = await february.lines((await february.report("2026-02-16"))["id"])

    async def fault(amount: str, **more: Any) -> tuple[int, str]:
        answer = await grant(february, amount, **more)
        invalid = answer.json().get("invalid_parameters") or [{"field": answer.json()["code"]}]
        return answer.status_code, invalid[0]["field"]

    assert await fault("0.00") == (422, "amount.amount")
    assert await fault("-1.001") == (422, "amount.amount")
    assert await fault("5.00", line_id=fee["id"]) == (422, "line_id")
    assert await fault("-5.00", line_id="lin_x") == (422, "line_id")
    assert await fault("-5.00", currency="USD") == (422, "amount.currency")
    assert await fault("-5.00", text='a "quote"') == (422, "text")
    assert await fault("-5.00", subscription_id="sub_b") == (404, "not_found")
    assert await february.count("adjustments") == 0


async def test_only_the_resellers_billing_grants_and_customers_see_none_of_the_list(february):
    assert (await grant(february, "-5.00", role=Role.RESELLER_SUPPORT)).status_code == 403
    assert (await grant(february, "-5.00", role=Role.CUSTOMER_ADMIN, customer="cus_a")).status_code == 404
    assert (await grant(february, "-5.00", reseller="res_south")).status_code == 404
    assert (await grant(february, "-5.00")).status_code == 201
    assert len((await february.get("/adjustments?customer_id=cus_a")).json()) == 1
    assert (await february.get("/adjustments", reseller="res_south")).json() == []
    assert (await february.get("/adjustments", role=Role.CUSTOMER_ADMIN, customer="cus_a")).status_code == 404
