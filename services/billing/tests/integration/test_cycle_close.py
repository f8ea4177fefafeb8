"""What the close of a whole cycle promises to people: everything issued or held, each by whom, and nothing lost between."""

import asyncio
import hashlib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from csp_billing.adapters.books import Books
from csp_billing.closing.pool import ShardPool
from csp_billing.closing.worker import CloseWorker
from csp_billing.verifying.verify import verify
from csp_contracts.billing_v1 import BillingCycleClosed, BillingCycleOpened, BillingLineAdded, ReportIssued
from csp_contracts.codec import decode_event
from csp_contracts.provisioning_v1 import CustomerAdded, ResellerSettingChanged
from csp_runtime.scope import Role

if TYPE_CHECKING:
    from conftest import Billing

RESELLER = "res_north"


def setting_of(setting: str, value: str, effective_on: date) -> ResellerSettingChanged:
    return ResellerSettingChanged(
        reseller_id=RESELLER, setting=setting, value=value, effective_on=effective_on
    )


def clock(billing: "Billing", moment: str) -> None:
    billing.clock.move_to(datetime.fromisoformat(f"{moment}T09:00:00+00:00"))


async def cycle_of(billing: "Billing", dated_on: str) -> dict[str, Any]:
    answer = await billing.get("/cycles")
    assert answer.status_code == 200, answer.text
    (found,) = [cycle for cycle in answer.json() if cycle["dated_on"] == dated_on]
    return (await billing.get(f"/cycles/{found['id']}")).json()


async def command(billing: "Billing", path: str, key: str, **who: Any) -> Any:
    headers = billing.headers(**who) | {"Idempotency-Key": key, "X-Reason": "agreed by phone"}
    return await billing.http.post(f"/internal/v1{path}", headers=headers)


async def close(billing: "Billing", dated_on: str) -> dict[str, Any]:
    """Close a cycle as its user does, and let the worker do its work."""
    answer = await command(billing, f"/cycles/{(await cycle_of(billing, dated_on))['id']}/close", dated_on)
    assert answer.status_code == 202, answer.text
    await work(billing)
    return await cycle_of(billing, dated_on)


async def work(billing: "Billing") -> None:
    url = billing.platform.settings.database_url.get_secret_value()
    worker = CloseWorker(
        url, "billing", ShardPool(url, "billing", 0), billing.platform.wakeups, billing.clock
    )
    await asyncio.to_thread(worker.once)


async def events(billing: "Billing", kind: type[Any]) -> list[Any]:
    assert billing.service.log is not None
    page = await billing.service.log.read(0, 10_000)
    told = [decode_event(record.type, record.data) for record in page.records]
    return [event for event in told if isinstance(event, kind)]


async def differences(billing: "Billing") -> list[str]:
    books = Books(billing.platform.settings.database_url.get_secret_value(), "billing")
    await books.open()
    found = await books.run(lambda connection: verify(connection, RESELLER))
    await books.close()
    return found.differences


async def customer(billing: "Billing", name: str, *, sell: int = 20) -> None:
    await billing.has_customer(f"cus_{name}")
    await billing.bought(f"sub_{name}", f"cus_{name}", "2026-01-20")
    await billing.priced(f"sub_{name}", f"cus_{name}", "2026-01-20", sell=sell, cost=15)


async def test_closing_a_cycle_issues_every_report_and_says_what_it_comes_to(february):
    await customer(february, "b", sell=30)
    closed = await close(february, "2026-02-16")

    assert closed["status"] == "closed"
    assert closed["summary"]["reports"] == 4
    assert closed["summary"]["net"]["sell"] == [{"amount": "500.00", "currency": "EUR"}]
    assert closed["summary"]["net"]["cost"] == [{"amount": "300.00", "currency": "EUR"}]
    assert closed["waiting"] == []
    issued = await events(february, ReportIssued)
    assert [event.number for event in issued] == ["C-000001", "C-000002", "R-000001", "R-000002"]
    (told,) = await events(february, BillingCycleClosed)
    assert (told.reports, told.held, told.lines) == (4, 0, len(await events(february, BillingLineAdded)))
    assert (told.net_minor, told.cost_minor) == ({"EUR": 50000}, {"EUR": 30000})
    # An ERP system proves that it holds all reports: the hash over their hashes in the order of their numbers.
    assert told.sha256 == hashlib.sha256("".join(f"{e.sha256}\n" for e in issued).encode()).hexdigest()
    assert closed["summary"]["sha256"] == told.sha256


async def test_cycles_follow_each_other_and_each_is_opened_once(february):
    await cycle_of(february, "2026-02-16")
    clock(february, "2026-04-20")
    await cycle_of(february, "2026-03-16")

    opened = await events(february, BillingCycleOpened)

    assert [str(event.from_on) for event in opened] == [
        "2026-01-16",
        "2026-02-16",
        "2026-03-16",
        "2026-04-16",
    ]
    assert [event.until_on for event in opened[:-1]] == [event.from_on for event in opened[1:]]


async def test_a_change_of_the_close_day_holds_from_the_next_cycle_on(february):
    await cycle_of(february, "2026-02-16")  # the cycle that 16 February is in is open until 15 March
    setting = setting_of(setting="close_day", value="20", effective_on=date(2026, 2, 1))
    await february.told(RESELLER, setting, "2026-02-17")
    clock(february, "2026-05-01")

    cycles = [(c["period"]["from"], c["period"]["until"]) for c in (await february.get("/cycles")).json()]

    assert cycles[::-1] == [
        ("2026-01-16", "2026-02-16"),
        ("2026-02-16", "2026-03-16"),
        ("2026-03-16", "2026-03-21"),
        ("2026-03-21", "2026-04-21"),
        ("2026-04-21", "2026-05-21"),
    ]


async def test_a_cycle_is_not_closed_before_it_is_over_nor_before_an_earlier_one(february):
    open_yet = await cycle_of(february, "2026-03-16")
    refused = await command(february, f"/cycles/{open_yet['id']}/close", "k1")
    assert (refused.status_code, refused.json()["code"]) == (409, "window_open")

    clock(february, "2026-03-16")
    refused = await command(february, f"/cycles/{open_yet['id']}/close", "k2")

    assert (refused.status_code, refused.json()["code"]) == (409, "earlier_cycle_open")
    assert refused.json()["dated_on"] == "2026-02-16"


async def test_a_missing_price_blocks_its_report_alone_until_somebody_holds_it(february):
    await february.has_customer("cus_b")
    await february.bought("sub_b", "cus_b", "2026-01-25")
    waiting = await close(february, "2026-02-16")

    assert waiting["status"] == "closing"
    assert waiting["reports"] == {"issued": 2, "blocked": 2}
    assert {each["reason"] for each in waiting["waiting"]} == {"price-missing"}
    for number, report in enumerate(waiting["waiting"]):
        held = await command(february, f"/reports/{report['report_id']}/hold", f"h{number}")
        assert (held.status_code, held.json()["status"]) == (200, "held")
        assert "agreed by phone" in held.json()["hold_reason"]
    await work(february)

    closed = await cycle_of(february, "2026-02-16")
    assert (closed["status"], closed["summary"]["held"]) == ("closed", 2)


async def test_a_held_report_is_issued_when_its_price_comes_and_its_followers_after_it(february):
    await february.has_customer("cus_b")
    await february.bought("sub_b", "cus_b", "2026-01-25")
    for number, report in enumerate((await close(february, "2026-02-16"))["waiting"]):
        await command(february, f"/reports/{report['report_id']}/hold", f"h{number}")
    await work(february)
    clock(february, "2026-03-16")
    second = await close(february, "2026-03-16")
    assert {(each["status"], each["reason"]) for each in second["waiting"]} == {
        ("held", "earlier-report-open")
    }

    await february.priced("sub_b", "cus_b", "2026-01-25", sell=20, cost=15)
    following = await february.report("2026-03-16", customer="cus_b")
    too_soon = await february.issue(following["id"], "i0")
    first = await february.issue((await february.report("2026-02-16", customer="cus_b"))["id"], "i1")
    then = await february.issue(following["id"], "i2")

    assert (too_soon.status_code, too_soon.json()["code"]) == (409, "earlier_report_open")
    assert (first.json()["net"]["amount"], then.json()["net"]["amount"]) == ("200.00", "200.00")
    assert await differences(february) == []


async def test_a_blocked_report_that_can_be_issued_lets_its_cycle_close(february):
    await february.has_customer("cus_b")
    await february.bought("sub_b", "cus_b", "2026-01-25")
    await close(february, "2026-02-16")
    await february.priced("sub_b", "cus_b", "2026-01-25", sell=20, cost=15)
    for number, ledger in enumerate(("sell", "cost")):
        report = await february.report("2026-02-16", customer="cus_b", ledger=ledger)
        assert report["status"] == "blocked"
        assert (await february.issue(report["id"], f"i{number}")).status_code == 200
    await work(february)

    assert (await cycle_of(february, "2026-02-16"))["status"] == "closed"


async def test_an_issued_report_cannot_be_held(february):
    report = await february.report("2026-02-16")
    await february.issue(report["id"])

    refused = await command(february, f"/reports/{report['id']}/hold", "h1")

    assert (refused.status_code, refused.json()["code"]) == (409, "not_blocked")


async def test_what_an_unallocated_customer_costs_is_held_and_goes_to_whom_it_is_linked(february):
    found = CustomerAdded(customer_id="cus_x", name="Found", country="DE", status="unallocated")
    await february.told("cus_x", found, "2026-01-01")
    await february.has_customer("cus_x")  # its tenant; the customer is known already
    await february.bought("sub_x", "cus_x", "2026-01-22")
    await february.priced("sub_x", "cus_x", "2026-01-22", sell=20, cost=15)
    closed = await close(february, "2026-02-16")
    assert closed["status"] == "closed"
    assert {(each["reason"], each["held_by"]) for each in closed["waiting"]} == {("unallocated", "system")}
    unallocated = await february.report("2026-02-16", customer="cus_x", ledger="cost")
    assert unallocated["net"]["amount"] == "150.00"  # visible until somebody decides

    await february.linked("ten_x", "cus_x", "cus_a")
    clock(february, "2026-03-16")
    second = await close(february, "2026-03-16")

    assert second["waiting"] == []
    lines = await february.lines((await february.report("2026-03-16"))["id"])
    theirs = [
        (line["late"], line["amount"]["amount"]) for line in lines if line["subscription_id"] == "sub_x"
    ]
    assert sorted(theirs) == [(False, "200.00"), (True, "200.00")]
    assert await differences(february) == []


async def test_a_report_below_zero_is_carried_forward_where_the_reseller_says_so(february):
    setting = setting_of(setting="negative_report", value="carry_forward", effective_on=date(2026, 1, 1))
    await february.told(RESELLER, setting, "2026-01-01")
    await close(february, "2026-02-16")
    clock(february, "2026-03-16")
    await february.told_edit("sub_a", "2026-01-20", 5)  # 200.00 become 50.00, and February costs 50.00

    second = await close(february, "2026-03-16")
    clock(february, "2026-04-16")
    third = await close(february, "2026-04-16")

    assert second["reports"].get("carried") == 1
    assert second["summary"]["net"]["sell"] == []
    # −150.00 and 50.00 wait; 50.00 of March are not enough, so that −50.00 wait on.
    assert third["reports"].get("carried") == 1
    clock(february, "2026-05-16")
    assert (await close(february, "2026-05-16"))["summary"]["net"]["sell"] == [
        {"amount": "0.00", "currency": "EUR"}
    ]
    assert await differences(february) == []


async def test_a_report_issued_by_itself_is_left_alone_by_the_close(february):
    first = await february.issue((await february.report("2026-02-16"))["id"])
    closed = await close(february, "2026-02-16")

    assert (closed["status"], closed["summary"]["reports"]) == ("closed", 2)
    assert (await february.report("2026-02-16"))["sha256"] == first.json()["sha256"]
    clock(february, "2026-03-16")
    assert (await close(february, "2026-03-16"))["summary"]["net"]["sell"] == [
        {"amount": "200.00", "currency": "EUR"}
    ]
    assert await differences(february) == []


async def test_a_reseller_without_a_cost_ledger_closes_its_sales_alone(february):
    setting = setting_of(setting="cost_ledger", value="off", effective_on=date(2026, 1, 1))
    await february.told(RESELLER, setting, "2026-01-01")

    closed = await close(february, "2026-02-16")

    assert (closed["status"], closed["summary"]["reports"]) == ("closed", 1)


async def test_a_preview_goes_on_behind_a_closed_cycle(february):
    await close(february, "2026-02-16")
    clock(february, "2026-02-20")
    await february.changed("sub_a", "cus_a", "2026-02-01", 12, recorded="2026-02-18")

    following = await february.report("2026-03-16")

    # 24.52 late for two seats more from 1 February on, 240.00 for the cycle of 20 February.
    assert following["net"]["amount"] == "264.52"
    clock(february, "2026-03-16")
    assert (await close(february, "2026-03-16"))["summary"]["net"]["sell"] == [
        {"amount": "264.52", "currency": "EUR"}
    ]


async def test_a_report_can_be_seen_as_it_was_known_at_a_past_moment(february):
    report = await february.report("2026-02-16")
    await february.issue(report["id"])
    final = (await february.get(f"/reports/{report['id']}")).content
    clock(february, "2026-02-18")
    following = await february.report("2026-03-16")
    before = (await february.get(f"/reports/{following['id']}")).json()["dates"]
    clock(february, "2026-02-25")
    await february.changed("sub_a", "cus_a", "2026-02-01", 12, recorded="2026-02-20")

    now = (await february.get(f"/reports/{following['id']}")).json()["dates"]
    then = (await february.get(f"/reports/{following['id']}?as_of=2026-02-18T09:00:00Z")).json()["dates"]
    open_still = (await february.get(f"/reports/{report['id']}?as_of=2026-02-15T09:00:00Z")).json()

    assert now != before
    assert then == before
    assert (open_still["status"], open_still["net"]["amount"]) == ("open", "200.00")
    issued = await february.get(f"/reports/{report['id']}?as_of=2026-02-18T09:00:00Z")
    assert issued.content == final


async def test_before_anything_of_it_was_known_a_report_did_not_exist(february):
    report = await february.report("2026-02-16")

    before = await february.get(f"/reports/{report['id']}?as_of=2019-12-31T00:00:00Z")

    assert before.status_code == 404
    assert before.json()["code"] == "not_found"


async def test_a_report_as_it_will_be_known_is_no_question(february):
    report = await february.report("2026-02-16")

    ahead = await february.get(f"/reports/{report['id']}?as_of=2031-01-01T00:00:00Z")

    assert ahead.status_code == 422
    assert ahead.text.count("as_of: must not be in the future") == 1


@pytest.mark.parametrize("role", [Role.CUSTOMER_ADMIN, Role.CUSTOMER_VIEWER])
async def test_cycles_do_not_exist_for_customers(february, role):
    cycle = await cycle_of(february, "2026-02-16")
    who = {"role": role, "customer": "cus_a"}

    assert (await february.get("/cycles", **who)).status_code == 404
    assert (await february.get(f"/cycles/{cycle['id']}", **who)).status_code == 404
    assert (await command(february, f"/cycles/{cycle['id']}/close", "k", **who)).status_code == 403


async def test_a_strangers_cycle_does_not_exist(february):
    cycle = await cycle_of(february, "2026-02-16")

    assert (await february.get(f"/cycles/{cycle['id']}", reseller="res_other")).status_code == 404
    refused = await command(february, f"/cycles/{cycle['id']}/close", "k", reseller="res_other")
    assert refused.status_code == 404
