"""The three forms of Microsoft's lines, by the columns that they have (partner-center-api 10.3 to 10.5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from csp_billing.invoices.faults import FileRefused
from csp_partner_center.reading import fold

FormatName = Literal["legacy", "nce", "usage"]

_LEGACY = (
    "PartnerId CustomerId CustomerName MPNID ResellerMPNID Tier2MpnId OrderId SubscriptionId "
    "SyndicationPartnerSubscriptionNumber OfferId DurableOfferId OfferName DomainName BillingCycleType SubscriptionName "
    "SubscriptionDescription SubscriptionStartDate SubscriptionEndDate ChargeStartDate ChargeEndDate ChargeType UnitPrice "
    "Quantity Amount TotalOtherDiscount Subtotal Tax TotalForCustomer Currency InvoiceNumber InvoiceLineItemType "
    "BillingProvider Attributes"
)
_NCE = (
    "PartnerId PartnerName CustomerId CustomerName CustomerDomainName CustomerCountry InvoiceNumber MpnId ResellerMpnId OrderId "
    "OrderDate ProductId SkuId AvailabilityId SkuName ProductName ChargeType UnitPrice Quantity Subtotal TaxTotal Total "
    "TotalForCustomer Currency PriceAdjustmentDescription PublisherName PublisherId SubscriptionDescription SubscriptionId "
    "ChargeStartDate ChargeEndDate TermAndBillingCycle EffectiveUnitPrice UnitType AlternateId BillableQuantity "
    "BillingFrequency PricingCurrency PCToBCExchangeRate PCToBCExchangeRateDate MeterDescription ReservationOrderId "
    "CreditReasonCode SubscriptionStartDate SubscriptionEndDate ReferenceId ProductQualifiers PromotionId "
    "InvoiceLineItemType BillingProvider DiscountDetails Attributes attributes/objectType"
)
_USAGE = (
    "PartnerId PartnerName CustomerId CustomerName CustomerDomainName CustomerCountry MpnId ResellerMpnId InvoiceNumber "
    "ProductId SkuId AvailabilityId SkuName ProductName PublisherName PublisherId SubscriptionId SubscriptionDescription "
    "ChargeStartDate ChargeEndDate UsageDate MeterType MeterCategory MeterId MeterSubCategory MeterName MeterRegion Unit "
    "UnitOfMeasure ResourceLocation ConsumedService ResourceGroup ResourceUri ChargeType UnitPrice Quantity UnitType "
    "BillingPreTaxTotal BillingCurrency PricingPreTaxTotal PricingCurrency ServiceInfo1 ServiceInfo2 Tags AdditionalInfo "
    "EffectiveUnitPrice PCToBCExchangeRate PCToBCExchangeRateDate EntitlementId EntitlementDescription "
    "RateOfPartnerEarnedCredit PartnerEarnedCreditPercentage HasPartnerEarnedCredit RateOfCredit CreditPercentage CreditType "
    "BenefitOrderId BenefitId BenefitType InvoiceLineItemType BillingProvider Attributes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """Where the figures of a row stand. `marks` tell this form from the others; without `needed` nothing can be taken."""

    name: FormatName
    marks: frozenset[str]
    needed: tuple[str, ...]
    known: frozenset[str]
    subscription: str
    amount: str
    currency: str
    starts: str
    ends: str
    tax: tuple[str, ...]
    total: tuple[str, ...]
    titles: tuple[str, ...]


def _known(text: str) -> frozenset[str]:
    return frozenset(fold(name) for name in text.split())


LEGACY = Format(
    name="legacy",
    marks=frozenset({"syndicationpartnersubscriptionnumber"}),
    needed=(
        "SyndicationPartnerSubscriptionNumber",
        "ChargeType",
        "ChargeStartDate",
        "ChargeEndDate",
        "Quantity",
        "Amount",
        "Currency",
    ),
    known=_known(_LEGACY),
    subscription="SyndicationPartnerSubscriptionNumber",
    amount="Amount",
    currency="Currency",
    starts="ChargeStartDate",
    ends="ChargeEndDate",
    tax=("Tax",),
    total=("TotalForCustomer",),
    titles=("OfferName", "SubscriptionDescription"),
)
NCE = Format(
    name="nce",
    marks=frozenset({"subtotal", "subscriptionid"}),
    needed=(
        "SubscriptionId",
        "ChargeType",
        "ChargeStartDate",
        "ChargeEndDate",
        "Quantity",
        "Subtotal",
        "Currency",
    ),
    known=_known(_NCE),
    subscription="SubscriptionId",
    amount="Subtotal",
    currency="Currency",
    starts="ChargeStartDate",
    ends="ChargeEndDate",
    tax=("TaxTotal",),
    total=("Total", "TotalForCustomer"),
    titles=("SkuName", "ProductName"),
)
USAGE = Format(
    name="usage",
    marks=frozenset({"usagedate", "billingpretaxtotal"}),
    needed=("SubscriptionId", "UsageDate", "BillingPreTaxTotal", "BillingCurrency"),
    known=_known(_USAGE),
    subscription="SubscriptionId",
    amount="BillingPreTaxTotal",
    currency="BillingCurrency",
    starts="UsageDate",
    ends="UsageDate",
    tax=(),
    total=(),
    titles=("SkuName", "ProductName"),
)


def format_of(columns: Iterable[str]) -> Format:
    """The form that has these columns, in any casing. Raises `FileRefused` where none has, or a needed one is missing."""
    names = {fold(name) for name in columns}
    for candidate in (USAGE, LEGACY, NCE):
        if candidate.marks <= names:
            missing = [name for name in candidate.needed if fold(name) not in names]
            if missing:
                raise FileRefused(
                    "columns", f"the {candidate.name} form also needs {', '.join(missing)}", column=missing[0]
                )
            return candidate
    raise FileRefused(
        "columns",
        "is no reconciliation file: it has neither SyndicationPartnerSubscriptionNumber (legacy), nor SubscriptionId and "
        "Subtotal (new commerce), nor UsageDate and BillingPreTaxTotal (daily usage)",
    )


@lru_cache(maxsize=256)
def folded(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Column names without case and separators, for looking cells up."""
    return tuple(fold(name) for name in columns)


# What an event of ours may have been charged as (rulebook 1.1, partner-center-api 10.6); in lower case without blanks.
_CLASSES: Mapping[str, tuple[str, ...]] = {
    "cycle": (
        *("cyclefee", "newpurchasecyclefee", "renewfee", "renewalfee", "activationfee"),
        *("new", "purchase", "renew", "cyclecharge"),
    ),
    "part": (
        *("proratefeeswhenpurchase", "proratefeeswhenbuy", "proratefeewhenrenew", "proratefeeswhenrenew"),
        "proratefeeswhenactivate",
    ),
    "change": (
        *(
            "cycleinstanceprorate",
            "addquantity",
            "removequantity",
            "convert",
            "movequantity",
            "changebillingplan",
        ),
        *("convertfrominstanceprorate", "proratefeeswhenconvertawayfromcurrentoffering"),
        *("proratefeeswhenconverttoanewoffering", "proratefeeswhenconverttonewoffering"),
    ),
    "refund": (
        *(
            "cancelfee",
            "cancelinstanceprorate",
            "proratefeeswhencancel",
            "cancelimmediate",
            "cancel",
            "refund",
        ),
        "onetimerefund",
    ),
    "credit": ("customercredit", "offsetalineitem"),
    "discount": ("activationdiscount", "cyclediscount", "renewdiscount", "canceldiscount"),
    "usage": ("assessusagefeeforcurrentcycle", "assessusagefeewhencancel"),
    "transfer": ("transferin", "transferout"),
    "trial": ("extendterm",),
}
_CLASS_OF = {name: kind for kind, names in _CLASSES.items() for name in names}
UNMAPPED = "unmapped"


def class_of(charge_type: str) -> str:
    """What kind of charge a raw charge type is; `unmapped` for one that we have not seen, which is kept as it came (D-1)."""
    return _CLASS_OF.get(fold(charge_type), UNMAPPED)
