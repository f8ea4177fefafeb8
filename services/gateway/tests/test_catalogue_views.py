"""What both surfaces show of a price: the reseller cost and margin of all seats, the customer the price, each why there is none."""

import pytest

from csp_gateway.models.catalogue import CatalogueProduct, Quote, ResellerProduct, ResellerQuote
from csp_gateway.surfaces.catalogue import catalogue_product, quote_view, reseller_product, reseller_quote

PRODUCT = {
    "product": "P:1",
    "title": "Premium",
    "product_group": "Premium",
    "category": "New commerce, commercial",
    "commerce": "nce",
    "segment": "commercial",
    "term": "P1Y",
    "charge_cycle": "P1M",
    "is_addon": False,
    "is_trial": False,
    "minimum_quantity": 5,
    "maximum_quantity": 300,
    "prerequisites": [],
    "currency": "EUR",
    "unit_price_micro": 20_000_000,
    "price_scope": "global",
    "unit_cost_micro": 15_000_000,
    "margin_micro": 5_000_000,
    "margin_percent": "25.00",
}
QUOTE = PRODUCT | {
    "quote_id": "quo_a",
    "product_title": "Premium",
    "quantity": 10,
    "expires_at": "2026-02-16T09:15:00Z",
}
UNKNOWN = {"unit_price_micro": None, "unit_cost_micro": None, "margin_micro": None, "margin_percent": None}


def test_the_reseller_sees_cost_and_margin_of_all_seats():
    shown = ResellerQuote.model_validate(reseller_quote(QUOTE))
    assert shown.total is not None
    assert shown.total_cost is not None
    assert shown.margin is not None
    assert [shown.total.amount, shown.total_cost.amount, shown.margin.amount] == ["200.00", "150.00", "50.00"]
    assert shown.margin_percent == "25.00"


def test_a_customer_sees_the_price_alone():
    assert set(quote_view(QUOTE)) == set(Quote.model_fields)
    assert set(catalogue_product(PRODUCT)) == set(CatalogueProduct.model_fields)


def test_a_missing_price_or_cost_says_so_instead_of_zero():
    product = ResellerProduct.model_validate(reseller_product(PRODUCT | UNKNOWN))
    assert (product.price, product.price_reason) == (None, "not_in_a_price_list")
    assert (product.cost, product.cost_reason, product.margin) == (None, "not_in_a_price_sheet", None)
    quote = ResellerQuote.model_validate(reseller_quote(QUOTE | UNKNOWN))
    assert (quote.total, quote.price_reason, quote.total_cost) == (None, "not_in_a_price_list", None)
    assert ResellerProduct.model_validate(reseller_product(PRODUCT)).price_reason is None


@pytest.mark.parametrize(
    ("quantity", "most", "fits"),
    [(4, 300, False), (5, 300, True), (300, 300, True), (301, 300, False), (301, None, True)],
)
def test_a_quote_says_whether_the_quantity_fits(quantity, most, fits):
    assert quote_view(QUOTE | {"quantity": quantity, "maximum_quantity": most})["quantity_fits"] is fits
