"""Price sheets, offer matrix and exchange rates: another host in reality, with errors of its own (PC 11)."""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date

from csp_partner_center_simulator.catalogue import prices
from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.catalogue.countries import COUNTRIES, EUR, currency_of
from csp_partner_center_simulator.rules.terms import add_months
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import GraphError
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route

SHEET = (
    "ProductTitle", "ProductId", "SkuId", "SkuTitle", "Publisher", "SkuDescription", "UnitOfMeasure", "TermDuration",
    "BillingPlan", "Market", "Currency", "UnitPrice", "PricingTierRangeMin", "PricingTierRangeMax", "EffectiveStartDate",
    "EffectiveEndDate", "Tags", "ERP Price", "Segment",
)  # fmt: skip
MATRIX = (
    "ProductTitle", "ProductId", "SkuId", "SkuTitle", "ProvisioningId", "ProvisioningString", "MinLicenses", "MaxLicenses",
    "AssetOwnershipLimit", "AssetOwnershipLimitType", "ProductSkuPreRequisites", "ProductSkuConversion", "Description",
    "AllowedCountries",
)  # fmt: skip
SEGMENTS = {
    "nonprofit": "Charity",
    "commercial": "Commercial",
    "education": "Education",
    "government": "Government",
}
EUROPEAN = ("EUR", "GBP", "CHF", "SEK", "NOK", "DKK")
FOREVER = "12/30/9999 12:00:00 AM"


def _arguments(call: Call) -> dict[str, str]:
    """Read `name(Market='US',PricesheetView='…')`; names and values in any case."""
    return {name.lower(): value for name, value in re.findall(r"(\w+)='([^']*)'", call.params["call"])}


def _refused(status: int, code: str, message: str) -> GraphError:
    return GraphError(status, code, message)


def _us(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year} 12:00:00 AM"


def sheet(call: Call) -> Answer:
    """Give the price sheet of a market: of today, of next month, or of a month past."""
    wishes = _arguments(call)
    market = wishes.get("market", "").upper()
    if market not in COUNTRIES:
        raise _refused(400, "InvalidMarket", f"Market '{market[:10]}' is not known.")
    if not wishes.get("pricesheetview", "").lower().startswith(("updatedlicensebased", "licensebased")):
        raise _refused(
            400, "InvalidPricesheetView", "Only the views of license-based products are sold here."
        )
    day = _day(call)
    currencies = (
        EUROPEAN if market in EUR or market in {"GB", "CH", "SE", "NO", "DK"} else (currency_of(market),)
    )
    rows = [
        row
        for item in call.world.catalogue.skus.values()
        if item.sold
        for term, cycle in item.plans
        for currency in currencies
        for row in [_price_row(item, term, cycle, market, currency, day)]
    ]
    return _download(call, "sheets.csv", SHEET, rows)


def _day(call: Call) -> date:
    """Give the first day of the month the sheet is of; `month` only goes with history."""
    today = call.now.date().replace(day=1)
    timeline = (call.request.param("timeline") or "current").lower()
    month = call.request.param("month")
    if timeline not in {"current", "future", "history"}:
        raise _refused(400, "InvalidTimeline", "timeline must be current, future or history.")
    if timeline != "history":
        if month is not None:
            raise _refused(400, "InvalidMonth", "month goes with timeline=history only.")
        return today if timeline == "current" else add_months(today, 1)
    if month is None or not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])", month):
        raise _refused(400, "InvalidMonth", "month must be YYYYMM.")
    day = date(int(month[:4]), int(month[4:]), 1)
    if day > today:
        raise _refused(400, "InvalidMonth", "month must not lie in the future.")
    return day


def _price_row(item: Item, term: str, cycle: str, market: str, currency: str, day: date) -> tuple[str, ...]:
    """Write one row: UnitPrice is one charge of the row's billing plan (PC 11.2)."""
    return (
        item.title,
        item.product_id,
        item.sku_id,
        item.title,
        "Microsoft Corporation",
        item.title,
        "",
        term,
        cycle.capitalize(),
        market,
        currency,
        f"{prices.list_price(item, term, cycle, currency, day)}",
        "",
        "",
        _us(day),
        FOREVER,
        "License;Trial" if item.is_trial else "License",
        f"{prices.retail_price(item, term, cycle, currency, day)}",
        SEGMENTS[item.segment],
    )


def matrix(call: Call) -> Answer:
    """Give the offer matrix: limits, prerequisites and conversions of every SKU."""
    month = _arguments(call).get("month", "")
    if not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])", month):
        raise _refused(400, "InvalidMonth", "Month must be YYYYMM.")
    countries = ";".join(sorted(COUNTRIES))
    rows = [
        (
            item.title,
            item.product_id,
            item.sku_id,
            item.title,
            item.directory_sku_id,
            item.part_number,
            str(item.minimum),
            str(item.maximum),
            "",
            "",
            ",".join(base.replace(":", "/") for base in item.prerequisites),
            ",".join(other.key.replace(":", "/") for other in call.world.catalogue.upgrades_of(item)),
            item.title,
            countries,
        )
        for item in call.world.catalogue.skus.values()
        if item.sold
    ]
    return _download(call, "updatedoffice.csv", MATRIX, rows)


def rates(call: Call) -> Answer:
    """Give the exchange rates of a month, per US dollar."""
    month = _arguments(call).get("month", "")
    items = [
        {"FromCurrency": "USD", "ToCurrency": code, "Rate": rate, "Month": month}
        for code, rate in prices.RATES.items()
    ]
    return Answer(body={"value": items})


def _download(call: Call, name: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Answer:
    """Write CSV with every cell quoted; a client that accepts deflate gets a zip file under the same name (PC 11.1)."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    content = text.getvalue().encode()
    headers = {"Content-Disposition": f"attachment; filename={name}", "Cache-Control": "private"}
    if "deflate" in call.request.headers.get(
        "accept-encoding", ""
    ) and "gzip" not in call.request.headers.get("accept-encoding", ""):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        content = packed.getvalue()
    return Answer(body=content, headers=headers, content_type="application/octet-stream")


_RIGHTS = Rights(app_only=False, roles=SELLERS)
ROUTES = (
    Route(
        method="GET",
        path="/v1.0/sales/pricesheets({call})/$value",
        operation="pricesheets.get",
        handler=sheet,
        rights=_RIGHTS,
    ),
    Route(
        method="GET",
        path="/v1.0/sales/offermatrix({call})/$value",
        operation="offermatrix.get",
        handler=matrix,
        rights=_RIGHTS,
    ),
    Route(
        method="GET",
        path="/v1.0/sales/fxrates({call})",
        operation="fxrates.get",
        handler=rates,
        rights=_RIGHTS,
    ),
)
