"""Invoice lines in Microsoft's two forms (PC 10.3, 10.4)."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

from csp_partner_center_simulator.state.billing import Charge
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import attributes, day, instant

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def legacy_json(world: World, one: Charge) -> dict[str, Any]:
    """Write a license-based line: dates without offset, UTC."""
    customer = world.customers.get(one.customer_id)
    partner = world.partners[one.partner_id]
    digits = int.from_bytes(hashlib.sha256(one.order_id.encode()).digest()[:8])
    item = world.catalogue.offer(one.offer_id)
    return {
        "partnerId": partner.id,
        "customerId": one.customer_id.upper(),
        "customerName": customer.company_name.upper() if customer else "",
        "mpnId": int(partner.mpn_id),
        "tier2MpnId": int(one.reseller_mpn) if one.reseller_mpn.isdigit() else -1,
        "orderId": f"{digits % 10**18:018d}",
        "subscriptionId": _short(one.subscription_id),
        "syndicationPartnerSubscriptionNumber": one.subscription_id.upper(),
        "offerId": (item.directory_sku_id if item else one.offer_id).upper(),
        "durableOfferId": one.offer_id.upper(),
        "offerName": one.sku_name.upper(),
        "domainName": customer.domain if customer else "",
        "billingCycleType": "ANNUAL" if one.billing_frequency == "Annual" else "MONTHLY",
        "subscriptionName": one.subscription_name,
        "subscriptionDescription": one.sku_name.upper(),
        "subscriptionStartDate": _plain(one.subscription_start),
        "subscriptionEndDate": _plain(one.subscription_end),
        "chargeStartDate": _plain(one.period_start),
        "chargeEndDate": _plain(one.period_end),
        "chargeType": one.charge_type,
        "unitPrice": _decimal(one.unit_price),
        "quantity": one.quantity,
        "amount": _decimal(one.amount),
        "totalOtherDiscount": Decimal("0.0"),
        "subtotal": _decimal(one.amount),
        "tax": _decimal(one.tax),
        "totalForCustomer": _decimal(one.amount + one.tax),
        "currency": one.currency,
        "invoiceLineItemType": "billing_line_items",
        "billingProvider": "office",
        "attributes": attributes("LicenseBasedLineItem"),
    }


def _decimal(value: Decimal) -> Decimal:
    """Write a whole amount as .NET writes a decimal: 12.0, not 12."""
    return value if value != value.to_integral_value() else value.quantize(Decimal("0.0"))


def _short(identifier: str) -> str:
    number = int(identifier.replace("-", ""), 16)
    letters = ""
    for _ in range(12):
        number, position = divmod(number, len(ALPHABET))
        letters += ALPHABET[position]
    return f"{letters}AEAA"


def _plain(value: date) -> str:
    return f"{value.isoformat()}T00:00:00"


def one_time_facts(world: World, one: Charge) -> dict[str, Any]:
    """Give the facts of a New Commerce line under their JSON names; numbers as decimals."""
    customer = world.customers.get(one.customer_id)
    partner = world.partners[one.partner_id]
    month = one.at.date().replace(day=1)
    discounted = '["Promotion"]' if one.promotion_id else ""
    return {
        "partnerId": partner.id,
        "customerId": one.customer_id,
        "customerName": customer.company_name if customer else "",
        "customerDomainName": customer.domain if customer else "",
        "customerCountry": customer.country if customer else "",
        "invoiceNumber": one.invoice_id,
        "mpnId": partner.mpn_id,
        "resellerMpnId": one.reseller_mpn or "0",
        "orderId": one.order_id,
        "orderDate": instant(one.at),
        "productId": one.product_id,
        "skuId": one.sku_id,
        "availabilityId": one.availability_id,
        "productName": one.product_name,
        "skuName": one.sku_name,
        "productQualifiers": list(one.qualifiers),
        "chargeType": one.charge_type,
        "unitPrice": one.unit_price,
        "effectiveUnitPrice": one.effective_unit_price,
        "unitType": "",
        "quantity": one.quantity,
        "subtotal": one.amount,
        "taxTotal": one.tax,
        "totalForCustomer": one.amount + one.tax,
        "currency": one.currency,
        "publisherName": "Microsoft Corporation",
        "publisherId": "",
        "subscriptionDescription": one.subscription_name,
        "subscriptionId": one.subscription_id,
        "subscriptionStartDate": day(one.subscription_start),
        "subscriptionEndDate": day(one.subscription_end),
        "chargeStartDate": day(one.period_start),
        "chargeEndDate": day(one.period_end),
        "termAndBillingCycle": one.term_text,
        "alternateId": one.order_id,
        "referenceId": one.reference_id,
        "priceAdjustmentDescription": discounted,
        "discountDetails": "",
        "pricingCurrency": one.currency,
        "pcToBCExchangeRate": Decimal(1),
        "pcToBCExchangeRateDate": _plain(month),
        "billableQuantity": one.quantity,
        "meterDescription": "",
        "billingFrequency": one.billing_frequency if one.invoice_id and "Trial" not in one.qualifiers else "",
        "reservationOrderId": "",
        "creditReasonCode": "",
        "promotionId": one.promotion_id,
    }


NUMBERS = frozenset(
    {
        "unitPrice", "effectiveUnitPrice", "quantity", "subtotal", "taxTotal", "totalForCustomer", "pcToBCExchangeRate",
        "billableQuantity",
    }
)  # fmt: skip


def one_time_json(world: World, one: Charge) -> dict[str, Any]:
    """Write a New Commerce line; its numbers are strings, as in Microsoft's answers (PC 2.3)."""
    facts = one_time_facts(world, one)
    if world.profile.numbers_as_strings:
        facts = {name: plain_number(value) if name in NUMBERS else value for name, value in facts.items()}
    return {
        **facts,
        "invoiceLineItemType": "billing_line_items",
        "billingProvider": "one_time",
        "attributes": attributes("OneTimeInvoiceLineItem"),
    }


def plain_number(value: Decimal | int) -> str:
    """Write a number without exponent and without needless zeros."""
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def file_names(facts: dict[str, Any]) -> dict[str, Any]:
    """Give the facts under the PascalCase names of the Graph export (PC 10.9)."""
    special = {
        "totalForCustomer": "Total",
        "invoiceNumber": "InvoiceNumber",
        "pcToBCExchangeRate": "PCToBCExchangeRate",
        "pcToBCExchangeRateDate": "PCToBCExchangeRateDate",
    }
    skipped = {"discountDetails"}
    return {
        special.get(name, name[:1].upper() + name[1:]): value
        for name, value in facts.items()
        if name not in skipped
    }
