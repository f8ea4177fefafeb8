"""Charges against Microsoft's published examples (PC 10.7); prices scaled out by ratios and days."""

from decimal import Decimal

BASIC = "CFQ7TTC0LH18:0001"
OFFICE_E3 = "796B6B5F-613C-4E24-A17C-EBA730D49C02"


async def unbilled(service):
    query = "provider=onetime&invoicelineitemtype=billinglineitems&currencycode=USD&period=current&size=2000"
    return (await service.get(f"/v1/invoices/unbilled/lineitems?{query}"))["items"]


def short(line):
    return (
        line["chargeType"],
        line["chargeStartDate"][:10],
        line["chargeEndDate"][:10],
        int(line["billableQuantity"]),
        Decimal(line["subtotal"]),
    )


async def test_two_seats_more_on_the_third_day_refund_and_charge_28_of_31_days_cut_at_the_line(service):
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 10)
    price = Decimal((await unbilled(service))[0]["unitPrice"])  # 7.00 x 0.8 x 1.05 = 5.88
    assert price == Decimal("5.88")
    await service.advance(by="P2D")
    await service.change(bought, quantity=12)
    new, refund, charge = await unbilled(service)
    assert short(new) == ("new", "2026-01-01", "2026-01-31", 10, Decimal("58.80"))
    # 5.88 x 10 x 29/31 = 55.00645, 5.88 x 12 x 29/31 = 66.00774
    assert short(refund) == ("addQuantity", "2026-01-03", "2026-01-31", 10, Decimal("-55.00"))
    assert short(charge) == ("addQuantity", "2026-01-03", "2026-01-31", 12, Decimal("66.00"))
    assert refund["referenceId"] == charge["referenceId"]
    assert isinstance(refund["unitPrice"], str)


async def test_annual_terms_billed_monthly_charge_cycles_and_monthly_terms_renew(service):
    customer = await service.customer()
    await service.buy(customer, BASIC, 10)
    await service.buy(customer, "CFQ7TTC0LDPB:0001", 1, term="P1M")
    await service.advance(by="P1M")
    lines = await unbilled(service)
    assert sorted(line["chargeType"] for line in lines) == ["cycleCharge", "renew"]
    assert {(line["chargeStartDate"][:10], line["chargeEndDate"][:10]) for line in lines} == {
        ("2026-02-01", "2026-02-28")
    }


async def test_month_ends_of_annual_terms_stick_to_the_last_day_and_to_the_day_before_it(service):
    await service.advance(to="2026-01-30T00:00:00Z")
    customer = await service.customer()
    before_last = await service.buy(customer, BASIC, 1)
    await service.advance(to="2026-01-31T00:00:00Z")
    last = await service.buy(customer, "CFQ7TTC0LDPB:0001", 1)
    ends = {before_last["id"]: [], last["id"]: []}
    for month in ("02", "03", "04", "05"):
        await service.advance(to=f"2026-{month}-15T00:00:00Z")
        for one in (await service.get(f"/v1/customers/{customer}/subscriptions"))["items"]:
            ends[one["id"]].append(one["billingCycleEndDate"][5:10])
    assert ends[last["id"]] == ["02-27", "03-30", "04-29", "05-30"]
    assert ends[before_last["id"]] == ["02-26", "03-29", "04-28", "05-29"]


async def test_thirteen_months_renew_the_year_with_a_new_window_and_todays_price(service):
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 5)
    await service.advance(by="P1Y")
    renewed = await service.get(f"/v1/customers/{customer}/subscriptions/{bought['id']}")
    assert renewed["commitmentEndDate"] == "2027-12-31T00:00:00Z"
    assert renewed["refundableQuantity"]["totalQuantity"] == 5
    assert renewed["cancellationAllowedUntilDate"] == "2027-01-08T00:00:00Z"
    invoices = (await service.get("/v1/invoices?size=100&offset=0"))["items"]
    assert [one["invoiceType"] for one in invoices] == ["OneTime"] * 11
    assert {one["totalCharges"] for one in invoices} == {29.4}
    assert all(one["id"].startswith("G") for one in invoices)


async def test_cancel_within_a_day_refunds_all_and_within_the_week_by_day_cut_per_unit(service):
    customer = await service.customer()
    first = await service.buy(customer, BASIC, 10)
    second = await service.buy(customer, "CFQ7TTC0LDPB:0001", 10)
    await service.change(first, status="deleted")
    await service.advance(by="P3D")
    await service.change(second, status="deleted")
    refunds = [line for line in await unbilled(service) if line["chargeType"] == "cancelImmediate"]
    assert short(refunds[0])[4] == Decimal("-58.80")
    # 14.00 x 0.8 x 1.05 = 11.76; 11.76 x 28/31 = 10.6219 -> 10.62 x 10
    assert short(refunds[1]) == ("cancelImmediate", "2026-01-04", "2026-01-31", 10, Decimal("-106.20"))
    await service.advance(by="P5D")
    late = await service.buy(customer, BASIC, 1)
    await service.advance(by="P8D")
    refused = await service.change(late, status="deleted")
    assert (refused.status_code, refused.json()["code"]) == (400, 900117)


async def test_legacy_quantity_changes_wait_for_the_anniversary_and_reverse_the_whole_advance(service):
    # Bought 13 January, one seat more from 1 February, billed with the cycle of 13 February (published example).
    await service.advance(to="2026-01-13T00:00:00Z")
    customer = await service.customer()
    bought = await service.buy(customer, OFFICE_E3, 1, term=None)
    await service.advance(to="2026-02-01T00:00:00Z")
    assert (await service.change(bought, quantity=2)).status_code == 200
    await service.advance(to="2026-02-20T00:00:00Z")
    january, february = (await service.get("/v1/invoices?size=10&offset=0"))["items"]
    assert (january["invoiceType"], january["billingPeriodEndDate"][:10]) == ("Recurring", "2026-01-15")

    async def lines(invoice):
        query = "provider=office&invoicelineitemtype=billinglineitems&size=50&offset=0"
        found = (await service.get(f"/v1/invoices/Recurring-{invoice['id']}/lineitems?{query}"))["items"]
        return sorted(
            (
                one["chargeStartDate"][5:10],
                one["chargeEndDate"][5:10],
                one["quantity"],
                one["chargeType"],
                one["amount"],
            )
            for one in found
        )

    [(start, end, quantity, kind, price)] = await lines(january)
    assert (start, end, quantity, kind) == ("01-13", "02-12", 1, "Cycle fee")
    rate = round(price / 31, 3)
    assert await lines(february) == [
        ("01-13", "01-31", 1, "Cycle instance prorate", round(rate * 19, 2)),
        ("01-13", "02-12", 1, "Cycle instance prorate", -price),
        ("02-01", "02-12", 2, "Cycle instance prorate", round(round(rate * 12, 2) * 2, 2)),
        ("02-13", "03-12", 2, "Cycle instance prorate", price * 2),
    ]


async def test_a_legacy_suspension_gives_all_back_in_the_first_month_and_the_rest_later(service):
    customer = await service.customer()
    early = await service.buy(customer, OFFICE_E3, 2, term=None)
    await service.advance(by="P4D")
    await service.change(early, status="suspended")
    await service.advance(to="2026-01-20T00:00:00Z")
    [invoice] = (await service.get("/v1/invoices?size=10&offset=0"))["items"]
    assert invoice["totalCharges"] == 0
    await service.advance(to="2026-03-11T00:00:00Z")
    reactivated = await service.change(early, status="active")
    assert reactivated.status_code == 200
    await service.advance(to="2026-03-20T00:00:00Z")
    invoices = (await service.get("/v1/invoices?size=10&offset=0"))["items"]
    query = "provider=office&invoicelineitemtype=billinglineitems"
    [line] = (await service.get(f"/v1/invoices/{invoices[-1]['id']}/lineitems?{query}"))["items"]
    assert (line["chargeType"], line["chargeStartDate"][:10], line["chargeEndDate"][:10]) == (
        "Prorate fees when activate",
        "2026-03-11",
        "2026-03-31",
    )


async def test_invoice_totals_are_the_sums_of_their_lines_on_every_page_size(demo):
    invoices = (await demo.get("/v1/invoices"))["items"]
    assert {one["invoiceType"] for one in invoices} == {"Recurring", "OneTime"}
    assert len(invoices) >= 4
    invoice = next(one for one in invoices if one["invoiceType"] == "OneTime")
    path = f"/v1/invoices/{invoice['id']}/lineitems"
    page = await demo.get(f"{path}?provider=onetime&invoicelineitemtype=billinglineitems&size=2")
    lines = page["items"]
    while following := page["links"].get("next"):
        token = {header["key"]: header["value"] for header in following["headers"]}
        page = await demo.get(f"{path}?seekOperation=Next", headers=token)
        lines += page["items"]
    assert sum(Decimal(line["totalForCustomer"]) for line in lines) == Decimal(str(invoice["totalCharges"]))
