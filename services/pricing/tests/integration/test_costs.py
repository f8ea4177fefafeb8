"""Costs: from a sheet as a file or from Microsoft every day, by the same rules; what customers never see."""

from datetime import UTC, date, datetime

import httpx
import pytest

from csp_contracts.pricing_v1 import CatalogueUpdated, PriceSheetImported
from csp_partner_center import SCHEMA as MICROSOFT
from csp_partner_center import ClientSecret, Credentials, PartnerCenterSettings, Secret, connect, simulator
from csp_partner_center_simulator.embed import build as build_simulator
from csp_pricing.adapters.rows import PricingRows
from csp_pricing.application import background
from csp_pricing.domain.rows import Wanted, price_of
from csp_runtime.clock import SimulatorClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.migrate import migrate
from csp_runtime.scope import Role
from csp_runtime.secret_box import SecretBox, new_key

HEADER = (
    "ProductTitle,ProductId,SkuId,SkuTitle,TermDuration,BillingPlan,Market,Currency,UnitPrice,EffectiveStartDate,"
    "EffectiveEndDate,Tags,ERP Price,Segment\n"
)
BASE = "http://127.0.0.1:8787"


def row(price, *, market="DE", currency="EUR", start="2/1/2026", plan="Monthly", term="P1Y", tags="License"):
    return (
        f'"Premium","CFQ7TTC0LH18","1","Premium","{term}","{plan}","{market}","{currency}","{price}",'
        f'"{start} 12:00:00 AM","12/30/9999 12:00:00 AM","{tags}","20","Commercial"\n'
    )


async def cost_of(pricing, customer=None):
    query = "" if customer is None else f"?customer_id={customer}"
    (found,) = (await pricing.get(f"/products{query}")).json()
    return found["unit_cost_micro"]


async def test_a_sheet_becomes_costs_of_its_day(pricing):
    done = (await pricing.post("/price-sheets", {"csv": HEADER + row("11.76")})).json()
    assert (done["new"], done["markets"]) == (1, ["DE"])
    assert await cost_of(pricing) == 11_760_000
    (event,) = await pricing.written(PriceSheetImported)
    assert (event.rows, event.currencies) == (1, ["EUR"])


async def test_a_dry_run_writes_nothing_and_the_same_sheet_again_nothing_more(pricing):
    text = {"csv": HEADER + row("11.76") + row("0", plan="None", tags="License;Trial", term="P1M")}
    assert (await pricing.post("/price-sheet-checks", text)).json()["without_charge"] == 1
    assert await cost_of(pricing) is None
    await pricing.post("/price-sheets", text)
    again = (await pricing.post("/price-sheets", text)).json()
    assert (again["new"], again["unchanged"]) == (0, 1)
    assert len(await pricing.written(PriceSheetImported)) == 1


async def test_a_corrected_price_of_the_same_day_is_a_new_version(pricing):
    await pricing.post("/price-sheets", {"csv": HEADER + row("11.76")})
    done = (await pricing.post("/price-sheets", {"csv": HEADER + row("11.80")})).json()
    assert done["changed"] == 1
    assert await cost_of(pricing) == 11_800_000


async def test_a_sheet_to_come_costs_nothing_yet_and_never_takes_back_what_counts(pricing):
    await pricing.post("/price-sheets", {"csv": HEADER + row("11.76"), "preview": True})
    assert await cost_of(pricing) is None
    await pricing.post("/price-sheets", {"csv": HEADER + row("11.76")})
    assert await cost_of(pricing) == 11_760_000
    await pricing.post("/price-sheets", {"csv": HEADER + row("99"), "preview": True})
    assert await cost_of(pricing) == 11_760_000


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (row("1e40"), "UnitPrice"),
        (row("-1"), "UnitPrice"),
        (row("ten"), "row 3: UnitPrice"),
        (row("1.1234567"), "UnitPrice"),
        (row("1", term="P9Y"), "TermDuration"),
    ],
)
async def test_a_sheet_with_a_line_that_can_be_no_cost_is_refused_whole(pricing, line, names):
    answer = await pricing.post("/price-sheets", {"csv": HEADER + row("11.76", start="1/1/2026") + line})
    assert answer.status_code == 422
    assert [names in fault["field"] for fault in answer.json()["invalid_parameters"]] == [True]
    assert await cost_of(pricing) is None


OWN_HEADER = "product,term,charge_cycle,currency,unit_price,valid_from\n"
LEGACY = "031c9e47-4802-4248-838e-778fb1d2cc05"


async def test_what_microsoft_has_no_sheet_for_costs_what_a_file_of_ours_says(pricing):
    await pricing.has_customer("cus_a")
    await pricing.bought("sub_a", "ten_a", "2026-02-10", product=LEGACY)
    assert await pricing.cost_locks() == []
    text = {"csv": f"{OWN_HEADER}{LEGACY},P1Y,P1M,EUR,9.30,2026-01-01\n"}
    assert (await pricing.post("/price-sheet-checks", text)).json()["new"] == 1
    done = (await pricing.post("/price-sheets", text)).json()
    assert (done["new"], done["markets"], done["refused"]) == (1, ["DE"], 0)
    await dict(pricing.service.workers)["pending locks"].look()
    (lock,) = await pricing.cost_locks()
    assert (lock.unit_price_micro, lock.product) == (9_300_000, LEGACY)
    assert (await pricing.post("/price-sheets", text)).json()["unchanged"] == 1


async def test_a_file_of_ours_with_a_wrong_line_is_refused_whole_and_says_where(pricing):
    text = f"{OWN_HEADER}{LEGACY},P1Y,P1M,EUR,9.30,2026-01-01\n{LEGACY},P1Y,P1M,EUR,nine,2026-02-01\n"
    answer = await pricing.post("/price-sheets", {"csv": text})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["invalid_parameters"]] == ["line 3: unit_price"]
    assert await pricing.written(PriceSheetImported) == []


async def test_a_file_that_is_no_sheet_is_refused(pricing):
    assert (await pricing.post("/price-sheets", {"csv": ""})).status_code == 422
    assert (await pricing.post("/price-sheets", {"csv": "a,b\n1,2\n"})).status_code == 422


async def test_a_customer_abroad_costs_what_its_market_says(pricing):
    """The reseller is in DE; the buy price is that of the customer's market (PC 11.2), in the currency that is paid."""
    await pricing.has_customer("cus_a")
    await pricing.has_customer("cus_ch", country="CH")
    text = HEADER + row("11.76") + row("12.50", market="CH")
    await pricing.post("/price-sheets", {"csv": text})
    assert [await cost_of(pricing, each) for each in ("cus_a", "cus_ch")] == [11_760_000, 12_500_000]
    for name in ("a", "ch"):
        await pricing.bought(f"sub_{name}", f"ten_{name}", "2026-02-10")
    locks = await pricing.cost_locks()
    assert [lock.unit_price_micro for lock in locks] == [11_760_000, 12_500_000]


async def test_reseller_sees_cost_and_margin_and_a_customer_does_not(pricing):
    await pricing.has_customer("cus_a")
    await pricing.post("/price-sheets", {"csv": HEADER + row("15")})
    await pricing.lists("20")
    (seen,) = (await pricing.get("/products")).json()
    assert (seen["unit_cost_micro"], seen["margin_micro"], seen["margin_percent"]) == (
        15_000_000,
        5_000_000,
        "25.00",
    )
    (shown,) = (await pricing.get("/products", role=Role.CUSTOMER_ADMIN, customer="cus_a")).json()
    assert shown["unit_price_micro"] == 20_000_000
    assert not [name for name in shown if "cost" in name or "margin" in name]


async def test_a_missing_price_is_none_and_never_zero(pricing):
    (seen,) = (await pricing.get("/products")).json()
    names = ("unit_price_micro", "unit_cost_micro", "margin_micro", "margin_percent")
    assert [seen[name] for name in names] == [None, None, None, None]


async def test_only_who_may_price_imports_costs(pricing):
    answer = await pricing.post("/price-sheets", {"csv": HEADER + row("1")}, role=Role.RESELLER_SUPPORT)
    assert answer.status_code == 403


async def test_sheets_are_fetched_from_microsoft_of_each_market_and_the_month_to_come(
    database_url, running_pricing
):
    migrate(database_url, MICROSOFT, ["csp_partner_center"])
    world = build_simulator(data=None, world="demo", base_url=BASE)
    await world.start()
    box = SecretBox.from_text(new_key())
    async with (
        Database(database_url, MICROSOFT, DatabaseRole.WORKER) as microsoft,
        httpx.AsyncClient(transport=httpx.ASGITransport(world.app)) as http,
    ):
        clock = await SimulatorClock.connect(BASE, http)
        partner = (await http.get(f"{BASE}/_control/partners")).json()[0]
        client = connect(
            PartnerCenterSettings(cloud=simulator(BASE), first_rate=6000), microsoft, clock, box, http=http
        )
        await client.save_credentials(
            Credentials(
                reseller_id="res_north",
                microsoft_tenant_id=partner["tenant_id"],
                client_id=partner["client_id"],
                proof=ClientSecret(secret=Secret(partner["client_secret"])),
                refresh_token=Secret(partner["refresh_token"]),
            )
        )
        async with running_pricing(clock, client) as pricing:
            await pricing.has_reseller()
            await pricing.has_customer("cus_ch", country="CH")
            catalogue = dict(pricing.service.workers)["catalogue"]
            await catalogue.import_all()
            first = await _costs(pricing)
            await catalogue.import_all()
            assert await _costs(pricing) == first
            today = clock.now().astimezone(UTC).date()
            month = today.replace(day=1)
            ahead = (month.replace(day=28) + (date(2026, 1, 5) - date(2026, 1, 1))).replace(day=1)
            assert {(each.market, each.valid_from, each.preview) for each in first} == {
                ("", month, False),
                ("CH", month, False),
                ("", ahead, True),
            }
            moved = await http.post(f"{BASE}/_control/clock/advance", json={"by": "P31D"})
            clock.move_to(datetime.fromisoformat(moved.json()["now"]).astimezone(UTC))
            await catalogue.import_all()
            now_current = [
                each for each in await _costs(pricing) if each.valid_from == ahead and not each.market
            ]
            assert {each.preview for each in now_current} == {True, False}
            some = next(each for each in now_current if not each.preview)
            wanted = Wanted(
                customer_id=None,
                product=some.product,
                term=some.term,
                charge_cycle=some.charge_cycle,
                segment=some.segment,
                currency="EUR",
            )
            found = price_of(await _costs(pricing), wanted, ahead)
            assert found is not None
            assert (found.version, found.preview) == (2, False)
            assert len(await pricing.written(CatalogueUpdated)) == 2
    await world.stop()


async def _costs(pricing):
    rows = PricingRows(pricing.worker)
    products = await rows.products(background("res_north"), {}, after=None, limit=100_000)
    codes = sorted({each.product for each in products})
    return await rows.prices(background("res_north"), codes, ledger="cost", customer_id=None)
