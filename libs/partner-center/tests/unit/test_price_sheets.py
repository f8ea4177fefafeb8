import io
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

from csp_partner_center.paging import UnreadableItem
from csp_partner_center.price_sheets import OfferMatrixRow, PriceRow, read_matrix, read_prices, unpacked

SHEET = (
    '\ufeff"ProductTitle","ProductId","SkuId","SkuTitle","TermDuration","BillingPlan","Market","Currency","UnitPrice",'
    '"PricingTierRangeMin","PricingTierRangeMax","EffectiveStartDate","EffectiveEndDate","Tags","ERP Price”\r\n'
    '"Suite, large","CFQ7","1","Suite","P1Y","Annual","US","USD","115.2","1","300","6/1/2026 12:00:00 AM",'
    '"12/31/9999 11:59:59 PM","License;Trial","144"\r\n'
    '"Broken","CFQ8","0002","Broken","P1M","Monthly","US","USD","a lot","","","","","",""\r\n'
)


def test_a_row_is_read_with_its_zeros_restored_and_its_placeholders_dropped():
    row, broken = read_prices(SHEET.encode())
    assert isinstance(row, PriceRow)
    assert (row.product_id, row.sku_id, row.product_title) == ("CFQ7", "0001", "Suite, large")
    assert (row.unit_price, row.erp_price) == (Decimal("115.2"), Decimal(144))
    assert row.effective_start == datetime(2026, 6, 1, tzinfo=UTC)
    assert row.effective_end is None
    assert row.tags == ("License", "Trial")
    assert isinstance(broken, UnreadableItem)
    assert broken.path == "row 3: UnitPrice"


def test_a_zipped_sheet_is_the_same_sheet():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("prices.csv", SHEET)
    assert unpacked(packed.getvalue()) == SHEET.encode() == unpacked(SHEET.encode())


def test_the_offer_matrix_tells_limits_and_relations():
    (row,) = read_matrix(
        b"ProductTitle,ProductId,SkuId,SkuTitle,ProvisioningId,ProvisioningString,MinLicenses,MaxLicenses,"
        b"AssetOwnershipLimit,AssetOwnershipLimitType,ProductSkuPreRequisites,ProductSkuConversion,Description,AllowedCountries\n"
        b'Suite,CFQ7,0001,Suite,ABC-1,SUITE,1,300,,None,"CFQ1/0001,CFQ2/0001",,,AD;AE\n'
    )
    assert isinstance(row, OfferMatrixRow)
    assert (row.provisioning_id, row.maximum_licences) == ("abc-1", 300)
    assert row.prerequisites == ("CFQ1/0001", "CFQ2/0001")
    assert row.allowed_countries == ("AD", "AE")
