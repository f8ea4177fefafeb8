"""Microsoft's files as they come: every form, whole or refused with row, column and rule, and never guessed."""

import gzip
import io
import json
from contextlib import closing
from datetime import date
from decimal import Decimal

import pytest

from csp_billing.invoices.faults import FileRefused
from csp_billing.invoices.files import Envelope, rows_of
from csp_billing.invoices.rows import RowReader, as_text
from csp_billing.invoices.windows import window
from csp_billing.settling.close_days import CloseDays

LEGACY = {
    "SyndicationPartnerSubscriptionNumber": "FB977AB5-0000-0000-0000-24C8D9591708",
    "CustomerId": "12ABCD34-001A-BCD2-987C-3210ABCD5678",
    "OfferName": "Microsoft Office 365 (Plan E3)",
    "ChargeStartDate": "2/1/2019 0:00",
    "ChargeEndDate": "2/28/2019 23:59",
    "ChargeType": "Cycle fee",
    "UnitPrice": "6.82",
    "Quantity": "2",
    "Amount": "13.64",
    "TotalOtherDiscount": "2.32",
    "Subtotal": "11.32",
    "Tax": "2.15",
    "TotalForCustomer": "13.47",
    "Currency": "EUR",
}
NCE = {
    "CustomerId": "org:835a59a7-3172-47b5-bdef-d9cc65f4d0e4",
    "InvoiceNumber": "G000773581",
    "OrderDate": "2021-06-20",
    "ChargeType": "addQuantity",
    "UnitPrice": "10.08",
    "Quantity": "12",
    "Subtotal": "112.89",
    "TaxTotal": "0",
    "Total": "112.89",
    "Currency": "EUR",
    "SubscriptionId": "9d7d1f3d-c8de-461c-db6d-91debd5129f0",
    "ChargeStartDate": "2021-06-20",
    "ChargeEndDate": "2021-07-17",
    "BillableQuantity": "12",
    "PricingCurrency": "EUR",
    "PCToBCExchangeRate": "1",
    "ReferenceID": "r-1",
    "PromotionID": "",
    "SkuName": "Power BI Premium Per User",
}
USAGE = {
    "CustomerId": "835a59a7-3172-47b5-bdef-d9cc65f4d0e4",
    "SubscriptionId": "307628f1-d9d2-f09c-ea1f-4183f0cae308",
    "UsageDate": "9/1/2020",
    "Quantity": "0.005001",
    "BillingPreTaxTotal": "0.004",
    "BillingCurrency": "EUR",
}


def csv_of(*rows, delimiter=",", encoding="utf-8"):
    columns = list(rows[0])
    lines = [columns, *([row[name] for name in columns] for row in rows)]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
    return text.encode(encoding)


def read(data, envelope=None):
    reader = RowReader()
    with closing(rows_of(io.BytesIO(data), envelope or Envelope())) as cells:
        return list(reader.rows(cells)), reader


def camel(row):
    return {name[:1].lower() + name[1:]: value for name, value in row.items()}


def test_a_legacy_file_is_read_net_of_its_discount_with_an_end_that_is_not_included():
    (row,), reader = read(csv_of(LEGACY))
    assert reader.format.name == "legacy"
    assert (row.subscription_ref, row.amount, row.tax, row.quantity) == (
        "fb977ab5-0000-0000-0000-24c8d9591708",
        1132,
        215,
        2,
    )
    assert (row.start, row.end, row.charge_class) == (date(2019, 2, 1), date(2019, 3, 1), "cycle")
    assert row.promotion


def test_a_new_commerce_file_is_read_with_what_ties_its_rows():
    (row,), reader = read(csv_of(NCE))
    assert (reader.format.name, reader.invoice, reader.currency) == ("nce", "G000773581", "EUR")
    assert (row.amount, row.quantity, row.reference, row.charge_class) == (11289, 12, "r-1", "change")
    assert (row.tenant_ref, row.promotion, row.exchanged) == (
        "835a59a7-3172-47b5-bdef-d9cc65f4d0e4",
        False,
        False,
    )


@pytest.mark.parametrize(
    "data",
    [
        csv_of(NCE),
        b"\xef\xbb\xbf" + csv_of(NCE),
        csv_of(NCE, delimiter=";"),
        csv_of(NCE, encoding="utf-16"),
        gzip.compress(csv_of(NCE)),
        json.dumps([NCE]).encode(),
        json.dumps([camel(NCE)], indent=2).encode(),
        json.dumps({"totalCount": 1, "items": [camel(NCE)], "links": {"self": {"uri": "/x"}}}).encode(),
        json.dumps({"totalCount": 1, "items": [camel(NCE)]}, indent=1).encode(),
        json.dumps(NCE).encode() + b"\n",
        gzip.compress(json.dumps(NCE).encode() + b"\n\n"),
        json.dumps({**NCE, "Subtotal": 112.89, "Quantity": 12}).encode(),
    ],
    ids=[
        "csv",
        "mark",
        "semicolon",
        "utf16",
        "gzip",
        "array",
        "camel",
        "page",
        "pretty",
        "lines",
        "gzlines",
        "numbers",
    ],
)
def test_every_form_of_the_same_line_is_the_same_row(data):
    assert read(data)[0] == read(csv_of(NCE))[0]


def test_a_page_says_how_many_rows_it_has():

    page = {
        "totalCount": 2,
        "items": [camel(NCE), {**camel(NCE), "chargeType": "new", "subtotal": "0", "total": "0"}],
    }
    envelope = Envelope()
    rows, _ = read(json.dumps(page).encode(), envelope)

    assert ([row.amount for row in rows], envelope.declared_rows) == ([11289, 0], 2)


def test_an_array_larger_than_a_piece_is_read_item_by_item():
    rows, reader = read(json.dumps([{**NCE, "SkuName": "x" * 300}] * 2_000).encode())
    assert (len(rows), rows[-1].number, reader.totals.net) == (2_000, 2_000, Decimal("225780.00"))


def test_usage_below_a_cent_adds_up_to_the_rounded_sum():
    rows, reader = read(csv_of(*[USAGE] * 1_000))
    assert reader.totals.net == Decimal("4.000")
    assert sum(row.amount for row in rows) == 400
    assert rows[0].quantity == 0


def test_unknown_columns_and_charge_types_are_kept_and_never_refused():
    (row,), reader = read(csv_of({**NCE, "ChargeType": "One Time Refund II", "CarbonFootprint": "7"}))
    assert (row.charge_type, row.charge_class, row.unmapped) == (
        "One Time Refund II",
        "unmapped",
        {"CarbonFootprint": "7"},
    )
    assert reader.totals.unmapped == 1


@pytest.mark.parametrize(
    ("change", "column", "rule"),
    [
        ({"Subtotal": "112,89"}, "Subtotal", "number-format"),
        ({"Subtotal": "1.112,89"}, "Subtotal", "number-format"),
        ({"Subtotal": "1,112.89"}, "Subtotal", "number-format"),
        ({"Subtotal": "1 112.89"}, "Subtotal", "number"),
        ({"Subtotal": "n/a"}, "Subtotal", "number"),
        ({"Subtotal": "(112.89)"}, "Subtotal", "number"),
        ({"Subtotal": "\u2212112.89"}, "Subtotal", "number"),
        ({"Subtotal": "1e40"}, "Subtotal", "range"),
        ({"BillableQuantity": "1000000000000"}, "BillableQuantity", "range"),
        ({"TaxTotal": "-1000000000000"}, "TaxTotal", "range"),
        ({"Total": "112.90"}, "Total", "adds-up"),
        ({"Currency": "USD"}, "Currency", "one-currency"),
        ({"InvoiceNumber": "G2"}, "InvoiceNumber", "one-invoice"),
        ({"ChargeStartDate": "20/6/2021"}, "ChargeStartDate", "date"),
        ({"ChargeStartDate": "20.06.2021"}, "ChargeStartDate", "date"),
        ({"ChargeStartDate": "2200-01-01"}, "ChargeStartDate", "date"),
        ({"ChargeStartDate": "1/1/0021"}, "ChargeStartDate", "date"),
        ({"ChargeEndDate": "2021-06-31"}, "ChargeEndDate", "date"),
        ({"ChargeEndDate": "2021-06-19"}, "ChargeEndDate", "date-order"),
    ],
)
def test_what_does_not_hold_is_refused_with_row_column_and_rule(change, column, rule):
    with pytest.raises(FileRefused) as refused:
        read(csv_of(NCE, {**NCE, **change}))
    assert (refused.value.row, refused.value.column, refused.value.rule) == (2, column, rule)


def test_a_legacy_subtotal_that_is_not_amount_less_discount_is_refused():
    with pytest.raises(FileRefused) as refused:
        read(csv_of({**LEGACY, "Subtotal": "13.00"}))
    assert (refused.value.row, refused.value.column, refused.value.rule) == (1, "Subtotal", "adds-up")


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"name,amount\nx,1\n", "columns"),
        (csv_of(NCE).replace(b'"ChargeType"', b'"Subtotal"'), "columns"),
        (csv_of(NCE)[:-3], "csv"),
        (csv_of(NCE) + b"\r\n1,2\r\n", "cells"),
        (csv_of(NCE).decode().replace("Power", "P\xf6wer").encode("latin-1"), "encoding"),
        (gzip.compress(csv_of(NCE))[:-20], "gzip"),
        (b"PK\x03\x04", "zip"),
        (json.dumps([NCE]).encode()[:-5], "json"),
        (json.dumps([[1]]).encode(), "json"),
        (json.dumps({"a": 1}, indent=1).encode(), "json"),
        (json.dumps({"totalCount": 5, "items": [NCE], "links": {"next": {"uri": "x"}}}).encode(), "page"),
        (json.dumps({**NCE, "Subtotal": float("nan")}).encode(), "json"),
        (json.dumps(NCE).replace("{", '{"Subtotal": "1", ', 1).encode(), "json"),
        (json.dumps([NCE]).replace("{", '{"Subtotal": "1", ', 1).encode(), "json"),
        (csv_of({**NCE, "sub_total": "1"}), "columns"),
        (csv_of(*[{**NCE, "Subtotal": "9e11", "TaxTotal": "0", "Total": ""}] * 1200), "range"),
    ],
)
def test_a_file_that_is_none_or_not_whole_is_refused(data, rule):
    with pytest.raises(FileRefused) as refused:
        read(data)
    assert refused.value.rule == rule


def test_what_no_text_of_the_database_can_hold_is_left_out():
    wild = {"SubscriptionId": "a\0B", "SkuName": "Power \ud800", "InvoiceNumber": "G\0", "Odd": "\0\ud800"}
    (row,), reader = read(json.dumps({**NCE, **wild}).encode())
    assert (row.subscription_ref, row.title, reader.invoice) == ("ab", "Power ?", "G")
    assert as_text(row.unmapped).encode() == b'{"Odd": "\\u0000?"}'


def test_a_refusal_never_tells_what_stood_in_the_cell():
    with pytest.raises(FileRefused) as refused:
        read(csv_of({**NCE, "Subtotal": "Anna Schmidt"}))
    assert "Anna" not in json.dumps(refused.value.as_problem().as_json())


def test_a_new_commerce_invoice_covers_the_month_of_most_charges_and_a_legacy_one_the_report_cycle():
    days = CloseDays([(date(2020, 1, 1), 15)])
    late_refund = {**NCE, "ChargeStartDate": "2021-05-18"}
    _, reader = read(csv_of(NCE, NCE, late_refund))
    assert window("nce", reader.totals.days, days) == (date(2021, 6, 1), date(2021, 7, 1))
    _, reader = read(csv_of(LEGACY))
    assert window("legacy", reader.totals.days, days) == (date(2019, 1, 16), date(2019, 2, 16))
