"""What the close promises: final is final, nothing twice, nothing lost, nobody sees what is not theirs."""

import asyncio
import hashlib
import io
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import openpyxl
import psycopg
import pytest

from csp_billing.settling.line_rows import line_text, shown_of
from csp_contracts.billing_v1 import BillingCycleOpened, BillingLineAdded, ReportIssued
from csp_contracts.codec import decode_event
from csp_runtime.scope import Role

if TYPE_CHECKING:
    from conftest import Billing


def _clock(billing: "Billing", moment: str) -> None:
    billing.clock.move_to(datetime.fromisoformat(f"{moment}T09:00:00+00:00"))


async def _events(billing: "Billing") -> list[Any]:
    assert billing.service.log is not None
    page = await billing.service.log.read(0, 1000)
    events = [decode_event(record.type, record.data) for record in page.records]
    return [event for event in events if not isinstance(event, BillingCycleOpened)]


async def test_an_issued_report_has_number_hash_lines_and_an_event(february):
    report = await february.report("2026-02-16")
    assert report["status"] == "ended"

    answer = await february.issue(report["id"])

    assert answer.status_code == 200, answer.text
    assert answer.json()["number"] == "R-000001"
    assert answer.json()["net"] == {"amount": "200.00", "currency": "EUR"}
    issued = await february.report("2026-02-16")
    assert (issued["status"], issued["number"], issued["line_count"]) == ("issued", "R-000001", 1)
    *lines, event = await _events(february)
    assert isinstance(event, ReportIssued)
    assert [type(line) for line in lines] == [BillingLineAdded]
    assert (event.net_minor, event.lines, event.sha256) == (20000, 1, issued["sha256"])


async def test_the_hash_is_over_the_stored_lines(february):
    report = await february.report("2026-02-16")
    sha256 = (await february.issue(report["id"])).json()["sha256"]

    async with february.worker.transaction() as tx:
        rows = await (await tx.execute("select * from report_lines order by position")).fetchall()

    shown = [shown_of(row) for row in rows]
    texts = [
        line_text(each.posting, each.title, number, each.due) for number, each in enumerate(shown, start=1)
    ]
    assert hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest() == sha256


async def test_anybody_can_check_the_hash_of_a_report_from_its_canonical_export(february):
    report = await february.report("2026-02-16")
    sha256 = (await february.issue(report["id"])).json()["sha256"]

    exported = await february.get(f"/reports/{report['id']}/export?format=canonical")

    assert hashlib.sha256(exported.content).hexdigest() == sha256


async def test_an_issued_report_shows_the_lines_that_were_open_before(february):
    report = await february.report("2026-02-16")
    before = await february.lines(report["id"])

    await february.issue(report["id"])

    assert before
    assert await february.lines(report["id"]) == before


async def test_a_late_fact_changes_no_issued_report_and_is_in_the_next_one(february):
    report = await february.report("2026-02-16")
    await february.issue(report["id"])
    final = (await february.get(f"/reports/{report['id']}")).content
    _clock(february, "2026-02-18")

    await february.changed("sub_a", "cus_a", "2026-02-01", 12, recorded="2026-02-18")

    assert (await february.get(f"/reports/{report['id']}")).content == final
    following = await february.report("2026-03-16")
    late = [line for line in await february.lines(following["id"]) if line["late"]]
    assert late
    assert {line["posted_on"] for line in late} == {"2026-02-16"}
    # Two seats more for 19 of 31 days of 20.00 each (R9.3).
    assert sum(round(float(line["amount"]["amount"]) * 100) for line in late) == 2452


async def test_the_sum_of_all_issued_reports_is_what_one_fold_says(february):
    await february.issue((await february.report("2026-02-16"))["id"])
    _clock(february, "2026-03-16")
    await february.changed("sub_a", "cus_a", "2026-02-01", 12, recorded="2026-02-18")
    following = await february.report("2026-03-16")

    second = await february.issue(following["id"], "k2")

    assert second.json()["number"] == "R-000002"
    # 200.00 on 20 January, 24.52 for two seats from 1 February on, 240.00 on 20 February.
    assert second.json()["net"]["amount"] == "264.52"


async def test_issuing_again_writes_no_row_and_answers_the_same(february):
    report = await february.report("2026-02-16")
    first = await february.issue(report["id"])
    lines = await february.count("report_lines")

    again = await february.issue(report["id"], "k1")
    other = await february.issue(report["id"], "k2")

    assert first.json() == again.json() == other.json()
    assert await february.count("report_lines") == lines == 1
    assert await february.count("billing_events where topic like '%report-issued%'") == 1


async def test_two_closers_at_once_issue_one_report(february):
    report = await february.report("2026-02-16")

    async with february.second_process() as other:
        answers = await asyncio.gather(
            *(each.issue(report["id"], f"{each is other}{n}") for n in range(3) for each in (february, other))
        )

    assert [answer.status_code for answer in answers] == [200] * 6
    assert len({answer.text for answer in answers}) == 1
    assert await february.count("report_lines") == 1
    assert await february.count("billing_events where topic like '%report-issued%'") == 1


async def test_a_line_corrected_again_and_again_sums_to_what_it_should_be(february):
    issued = [await february.issue((await february.report("2026-02-16"))["id"])]
    for dated_on, price in (("2026-03-16", 18), ("2026-04-16", 25)):
        _clock(february, dated_on)
        await february.told_edit("sub_a", "2026-01-20", price)
        issued.append(await february.issue((await february.report(dated_on))["id"], dated_on))

    # January and February at 20, then both at 18, then three months at 25.
    assert [each.json()["net"]["amount"] for each in issued] == ["200.00", "160.00", "390.00"]


async def test_numbers_have_no_gap_when_many_reports_are_issued_at_once(february):
    for number in range(4):
        customer = f"cus_m{number}"
        await february.has_customer(customer)
        await february.bought(f"sub_m{number}", customer, "2026-01-20")
        await february.priced(f"sub_m{number}", customer, "2026-01-20", sell=20, cost=15)
    due = [each for each in await february.reports() if each["dated_on"] == "2026-02-16"]

    answers = await asyncio.gather(*(february.issue(each["id"]) for each in due))

    for ledger, prefix in (("sell", "R"), ("cost", "C")):
        numbers = sorted(each.json()["number"] for each in answers if each.json()["ledger"] == ledger)
        assert numbers == [f"{prefix}-{number:06d}" for number in range(1, 6)]


async def test_a_failure_before_the_commit_leaves_nothing_and_the_next_try_issues(february, database_url):
    report = await february.report("2026-02-16")
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "create function billing.fail() returns trigger language plpgsql as $$ begin raise exception 'lost'; end $$"
        )
        owner.execute(
            "create trigger fail before insert on billing.billing_events for each row execute function billing.fail()"
        )
        failed = await february.issue(report["id"])
        owner.execute("drop trigger fail on billing.billing_events")

    assert failed.status_code >= 500
    assert await february.count("report_lines") == await february.count("report_numbers") == 0
    assert (await february.report("2026-02-16"))["status"] == "ended"
    assert (await february.issue(report["id"])).json()["number"] == "R-000001"


async def test_a_report_is_not_issued_before_its_window_is_over(february):
    following = await february.report("2026-03-16")

    refused = await february.issue(following["id"])

    assert (refused.status_code, refused.json()["code"]) == (409, "window_open")


async def test_a_missing_price_holds_its_report_alone(february):
    await february.has_customer("cus_b")
    await february.bought("sub_b", "cus_b", "2026-01-25")
    waiting = await february.report("2026-02-16", customer="cus_b")
    ready = await february.report("2026-02-16")

    refused = await february.issue(waiting["id"])

    assert (refused.status_code, refused.json()["code"]) == (409, "price_missing")
    assert refused.json()["pending_count"] == 1
    assert (await february.issue(ready["id"])).status_code == 200
    await february.priced("sub_b", "cus_b", "2026-01-25", sell=20, cost=15)
    assert (await february.issue(waiting["id"], "k2")).json()["number"] == "R-000002"


async def test_reports_of_a_customer_are_issued_in_order(february):
    _clock(february, "2026-03-16")
    following = await february.report("2026-03-16")

    refused = await february.issue(following["id"])

    assert (refused.status_code, refused.json()["code"]) == (409, "earlier_report_open")
    await february.issue((await february.report("2026-02-16"))["id"])
    assert (await february.issue(following["id"], "k2")).status_code == 200


async def test_a_correction_stays_with_the_customer_it_was_issued_to(february):
    await february.has_customer("cus_b")
    await february.issue((await february.report("2026-02-16"))["id"])
    _clock(february, "2026-03-16")
    await february.linked("ten_a", "cus_a", "cus_b")

    await february.told_edit("sub_a", "2026-01-20", 18)

    corrected = await february.report("2026-03-16", customer="cus_a")
    assert corrected["net"]["amount"] == "-20.00"
    fresh = await february.report("2026-03-16", customer="cus_b")
    assert fresh["net"]["amount"] == "180.00"


async def test_no_statement_changes_or_removes_an_issued_report(february, database_url):
    report = await february.report("2026-02-16")
    await february.issue(report["id"])

    with psycopg.connect(database_url, autocommit=True) as owner:
        for statement in ("update billing.reports set net_minor = 0", "delete from billing.reports"):
            with pytest.raises(psycopg.errors.RaiseException):
                owner.execute(statement)
        owner.execute("set role csp_billing_worker")
        for statement in (
            "update billing.report_lines set amount_minor = 0",
            "delete from billing.report_lines",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(statement)


async def test_a_customer_sees_its_issued_report_and_never_a_cost(february):
    sell = await february.report("2026-02-16")
    cost = await february.report("2026-02-16", ledger="cost")
    await february.issue(sell["id"])
    assert (await february.issue(cost["id"], "k2")).json()["number"] == "C-000001"
    who = {"role": Role.CUSTOMER_ADMIN, "customer": "cus_a"}

    seen = await february.reports(**who)

    assert {each["ledger"] for each in seen} == {"sell"}
    assert (await february.get(f"/reports/{sell['id']}", **who)).json()["number"] == "R-000001"
    assert (await february.get(f"/reports/{cost['id']}", **who)).status_code == 404
    assert (await february.get(f"/reports/{cost['id']}/export", **who)).status_code == 404


async def test_row_level_security_alone_keeps_cost_from_customers(february, database_url):
    await february.issue((await february.report("2026-02-16", ledger="cost"))["id"])

    with psycopg.connect(database_url) as session:
        session.execute("set role csp_billing_request")
        session.execute("select set_config('csp.reseller', 'res_north', false)")
        for customer, seen in (("", 1), ("cus_a", 0), ("cus_b", 0)):
            session.execute("select set_config('csp.customer', %s, false)", [customer])
            assert session.execute("select count(*) from billing.report_lines").fetchone() == (seen,)


async def test_a_foreign_report_does_not_exist(february):
    report = await february.report("2026-02-16")
    foreign = {"reseller": "res_south"}
    other = {"role": Role.CUSTOMER_ADMIN, "customer": "cus_b"}

    assert (await february.issue(report["id"], **foreign)).status_code == 404
    await february.issue(report["id"])

    assert (await february.issue(report["id"], **foreign)).status_code == 404
    assert (await february.get(f"/reports/{report['id']}", **foreign)).status_code == 404
    assert (await february.get(f"/reports/{report['id']}", **other)).status_code == 404


@pytest.mark.parametrize("role", [Role.RESELLER_SUPPORT, Role.RESELLER_AUDITOR])
async def test_only_who_bills_may_issue(february, role):
    report = await february.report("2026-02-16")

    assert (await february.issue(report["id"], role=role)).status_code == 403
    assert (await february.issue(report["id"], role=Role.CUSTOMER_ADMIN, customer="cus_a")).status_code == 403


async def test_the_workbook_has_typed_cells_a_frozen_header_and_a_total(february):
    report = await february.report("2026-02-16")
    await february.issue(report["id"])

    answer = await february.get(f"/reports/{report['id']}/export?format=xlsx")

    assert answer.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    header = [cell.value for cell in sheet[1]]
    line = dict(zip(header, sheet[2], strict=True))
    assert sheet.freeze_panes == "A2"
    assert line["posted on"].value.date() == date(2026, 1, 20)
    assert (line["from"].value.date(), line["to"].value.date()) == (date(2026, 1, 20), date(2026, 2, 19))
    assert (line["quantity"].value, line["amount"].value) == (10, 200)
    assert (line["title"].value, line["title"].data_type) == ("=Business Premium", "s")
    assert sheet.cell(3, header.index("amount") + 1).value == "=SUM(M2:M2)"
    again = await february.get(f"/reports/{report['id']}/export?format=xlsx")
    assert again.content == answer.content


async def test_the_windows_of_issued_reports_follow_each_other(february):
    await february.issue((await february.report("2026-02-16"))["id"])
    sell = [each for each in await february.reports() if each["ledger"] == "sell"]

    assert len(sell) > 2
    assert all(a["period"]["until"] == b["period"]["from"] for a, b in pairwise(sell))


async def test_the_log_tells_every_line_before_its_report_and_pages_never_part_them(february):
    await february.bought("sub_c", "cus_a", "2026-01-22")
    await february.priced("sub_c", "cus_a", "2026-01-22", sell=20, cost=15)
    for number, ledger in enumerate(("sell", "cost")):
        await february.issue((await february.report("2026-02-16", ledger=ledger))["id"], f"k{number}")
    log = february.service.log
    assert log is not None

    cycles = await log.read(0, 2)  # two cycles were opened before
    whole = await log.read(cycles.next_offset, 1000)
    first = await log.read(cycles.next_offset, 1)
    rest = await log.read(first.next_offset, 1000)

    assert [record.version for record in whole.records] == [1, 2, 1, 1, 2, 1]
    assert len(first.records) == 3
    assert [*first.records, *rest.records] == list(whole.records)
    for lines, issued in ((whole.records[:2], whole.records[2]), (whole.records[3:5], whole.records[5])):
        event = decode_event(issued.type, issued.data)
        told = [decode_event(line.type, line.data) for line in lines]
        assert (event.lines, event.net_minor) == (len(told), sum(line.amount_minor for line in told))
        assert list(await log.read_stream(f"{issued.stream}/lines", 0, 10)) == list(lines)
        assert list(await log.read_stream(f"{issued.stream}/lines", 1, 10)) == [lines[1]]


async def test_no_event_of_the_cost_ledger_belongs_to_a_customer(february):
    await february.issue((await february.report("2026-02-16", ledger="cost"))["id"])
    assert february.service.log is not None

    page = await february.service.log.read(0, 1000)

    assert page.records
    assert {record.meta.customer for record in page.records} == {None}


@pytest.mark.parametrize("issued", [True, False])
async def test_lines_come_in_pages_and_by_kind_with_totals_of_all_that_fit(february, issued):
    await february.bought("sub_c", "cus_a", "2026-01-22")
    await february.priced("sub_c", "cus_a", "2026-01-22", sell=20, cost=15)
    await february.changed("sub_a", "cus_a", "2026-02-01", 12, recorded="2026-02-10")
    report = await february.report("2026-02-16")
    if issued:
        await february.issue(report["id"])
    every = await february.lines(report["id"])

    first = (await february.get(f"/reports/{report['id']}/lines?size=2")).json()
    rest = (await february.get(f"/reports/{report['id']}/lines?size=50&after={first['next']}")).json()
    refunds = (await february.get(f"/reports/{report['id']}/lines?kind=refund")).json()
    of_one = (await february.get(f"/reports/{report['id']}/lines?subscription_id=sub_c")).json()

    assert [*first["lines"], *rest["lines"]] == every
    assert rest["next"] is None
    assert first["totals"] == rest["totals"] == {"count": 4, "net": report["net"]}
    assert refunds["lines"] == [line for line in every if line["kind"] == "refund"]
    assert refunds["totals"] == {"count": 1, "net": refunds["lines"][0]["amount"]}
    assert {line["subscription_id"] for line in of_one["lines"]} == {"sub_c"}
    foreign = await february.get(f"/reports/{report['id']}/lines", reseller="res_other")
    assert foreign.status_code == 404


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_the_first_and_the_last_day_of_all_are_a_range_without_reports(billing, day):
    await billing.has_customer("cus_a")
    answer = await billing.get(f"/reports?from_on={day}&until_on={day}")
    assert (answer.status_code, answer.json()["reports"]) == (200, [])
