"""Price sheets and the offer matrix, from the pricing host (PC 11): rows as Microsoft writes them, read and typed."""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation

from csp_partner_center.calls import Access, Base, Call
from csp_partner_center.errors import UnreadableAnswer
from csp_partner_center.paging import UnreadableItem
from csp_partner_center.reading import UnreadableField, fold, read_time
from csp_partner_center.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """`unit_price` is the amount of one charge of the row's billing plan, per seat (PC 11.2); `erp_price` the suggested one."""

    product_id: str
    sku_id: str
    product_title: str
    sku_title: str
    term_duration: str
    billing_plan: str
    market: str
    currency: str
    segment: str
    unit_price: Decimal
    erp_price: Decimal | None
    effective_start: datetime | None
    effective_end: datetime | None
    tier_minimum: int | None
    tier_maximum: int | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMatrixRow:
    """Limits and relations of a SKU (PC 11.3); `provisioning_id` is the directory's SKU."""

    product_id: str
    sku_id: str
    product_title: str
    sku_title: str
    provisioning_id: str | None
    provisioning_string: str | None
    minimum_licences: int | None
    maximum_licences: int | None
    asset_ownership_limit: int | None
    asset_ownership_limit_type: str | None
    prerequisites: tuple[str, ...]
    conversions: tuple[str, ...]
    allowed_countries: tuple[str, ...] = field(repr=False)


class PriceSheets:
    """App+user."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def licence_prices(
        self, market: str, *, timeline: str = "current", month: str | None = None
    ) -> list[PriceRow | UnreadableItem]:
        """The New Commerce licence prices of a market (ISO2): `current`, `future`, or `history` with a month `YYYYMM`."""
        query = [("timeline", timeline)]
        if month is not None:
            query.append(("month", month))
        where = f"/sales/pricesheets(Market='{_iso(market)}',PricesheetView='updatedlicensebased')/$value"
        return list(read_prices(await self._sheet("pricesheets.get", where, tuple(query))))

    async def offer_matrix(self, month: str) -> list[OfferMatrixRow | UnreadableItem]:
        """The matrix of a month `YYYYMM`."""
        if not (month.isdigit() and len(month) == 6):
            raise ValueError("month: is not YYYYMM")
        return list(
            read_matrix(
                await self._sheet("offermatrix.get", f"/sales/offermatrix(Month='{month}')/$value", ())
            )
        )

    async def _sheet(self, operation: str, where: str, query: tuple[tuple[str, str], ...]) -> bytes:
        call = Call(
            operation=operation,
            method="GET",
            path=where,
            base=Base.PRICING,
            query=query,
            accept="application/octet-stream",
            # PC 11.1: `deflate` would bring a zip file under a header that calls it a stream.
            headers=(("Accept-Encoding", "identity"),),
            access=Access.APP_USER,
            deadline=600.0,
        )
        try:
            return unpacked((await self._session.send(call)).body)
        except zipfile.BadZipFile:
            raise UnreadableAnswer(operation, "unreadable answer: the archive is broken") from None


def unpacked(sheet: bytes) -> bytes:
    """The text of a sheet: with `Accept-Encoding: deflate` it is a zip file (PC 11.1)."""
    if not sheet.startswith(b"PK\x03\x04"):
        return sheet
    with zipfile.ZipFile(io.BytesIO(sheet)) as archive:
        return archive.read(archive.namelist()[0])


def read_prices(sheet: bytes) -> Iterator[PriceRow | UnreadableItem]:
    """Rows of a price sheet; one that cannot be read is set aside with its number."""
    for number, row in _rows(sheet):
        try:
            yield PriceRow(
                product_id=_needed(row, "ProductId"),
                sku_id=sku_number(_needed(row, "SkuId")),
                product_title=row.get("producttitle", ""),
                sku_title=row.get("skutitle", ""),
                term_duration=row.get("termduration", ""),
                billing_plan=row.get("billingplan", ""),
                market=row.get("market", ""),
                currency=_needed(row, "Currency"),
                segment=(row.get("segment") or "commercial").lower(),
                unit_price=_money(_needed(row, "UnitPrice"), "UnitPrice"),
                erp_price=_money(row["erpprice"], "ERP Price") if row.get("erpprice") else None,
                effective_start=_day(row.get("effectivestartdate", "")),
                effective_end=_day(row.get("effectiveenddate", "")),
                tier_minimum=_whole(row.get("pricingtierrangemin")),
                tier_maximum=_whole(row.get("pricingtierrangemax")),
                tags=_split(row.get("tags"), ";"),
            )
        except UnreadableField as fault:
            yield UnreadableItem(path=f"row {number}: {fault.path}", rule=fault.rule, raw=row)


def read_matrix(sheet: bytes) -> Iterator[OfferMatrixRow | UnreadableItem]:
    """Rows of an offer matrix."""
    for number, row in _rows(sheet):
        try:
            yield OfferMatrixRow(
                product_id=_needed(row, "ProductId"),
                sku_id=sku_number(_needed(row, "SkuId")),
                product_title=row.get("producttitle", ""),
                sku_title=row.get("skutitle", ""),
                provisioning_id=(row.get("provisioningid") or "").lower() or None,
                provisioning_string=row.get("provisioningstring") or None,
                minimum_licences=_whole(row.get("minlicenses")),
                maximum_licences=_whole(row.get("maxlicenses")),
                asset_ownership_limit=_whole(row.get("assetownershiplimit")),
                asset_ownership_limit_type=row.get("assetownershiplimittype") or None,
                prerequisites=_split(row.get("productskuprerequisites"), ","),
                conversions=_split(row.get("productskuconversion"), ","),
                allowed_countries=_split(row.get("allowedcountries"), ";"),
            )
        except UnreadableField as fault:
            yield UnreadableItem(path=f"row {number}: {fault.path}", rule=fault.rule, raw=row)


def sku_number(text: str) -> str:
    """`1` is `0001`: some files lose the zeros (PC 11.2)."""
    return text.zfill(4) if text.isdigit() else text


def _rows(sheet: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    head, _, rest = sheet.decode("utf-8-sig", errors="replace").partition("\n")
    # PC 11.2: the published header ends with a curly quote, which would not close the cell.
    straight = head.replace("“", '"').replace("”", '"')
    reader = csv.reader(io.StringIO(f"{straight}\n{rest}", newline=""))
    header = [fold(name) for name in next(reader, [])]
    for number, cells in enumerate(reader, start=2):
        if any(cell.strip() for cell in cells):
            yield number, {name: cell.strip() for name, cell in zip(header, cells, strict=False)}


def _needed(row: dict[str, str], name: str) -> str:
    found = row.get(fold(name), "")
    if not found:
        raise UnreadableField(name, "is missing")
    return found


def _money(text: str, name: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise UnreadableField(name, "is not a number") from None
    if not found.is_finite():
        raise UnreadableField(name, "is not a number")
    return found


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _day(text: str) -> datetime | None:
    """US or ISO form; the placeholders 1753 and 9999 are no dates (PC 11.2)."""
    parts = text.split(" ", 1)[0].split("/")
    if len(parts) == 3:
        month, day, year = parts
        text = f"{year}-{month.zfill(2)}-{day.zfill(2)}"
    if not text:
        return None
    found = read_time(text, "date")
    return None if found is None or found.year in (1753, 9999) else found


def _split(text: str | None, by: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(by) if part.strip())


def _iso(market: str) -> str:
    if not (len(market) == 2 and market.isascii() and market.isalpha()):
        raise ValueError("market: is not a country of two letters")
    return market.upper()
