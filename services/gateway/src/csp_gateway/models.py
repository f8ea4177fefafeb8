"""What the API shows. Customers' models have no field for cost or margin: a leak fails when the app is built."""

from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
Cycle = Literal["P1M", "P1Y", "P3Y"]


class Body(BaseModel):
    """A request: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """An answer: every field is there, unknown is null."""

    model_config = ConfigDict(frozen=True)


class Money(View):
    """Decimal text, never a float."""

    amount: str = Field(examples=["12.40"])
    currency: str = Field(examples=["EUR"])


class PageMeta(View):
    """Where the next page is."""

    size: int
    next: str | None


class Meta(View):
    """About a list."""

    page: PageMeta
    as_of: datetime


class ListOf(View, Generic[T]):
    """A page."""

    data: list[T]
    meta: Meta


class Problem(View):
    """RFC 9457."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    detail: str | None
    instance: str | None
    code: str
    retryable: bool
    invalid_parameters: list[dict[str, Any]]


class Address(Body):
    """A postal address; what is needed depends on the country."""

    line1: str = Field("", max_length=200)
    line2: str | None = Field(None, max_length=200)
    city: str = Field("", max_length=200)
    state: str | None = Field(None, max_length=200)
    postal_code: str | None = Field(None, max_length=200)
    country: str = Field("", max_length=200, examples=["DE"])
    phone: str | None = Field(None, max_length=200)


class Contact(Body):
    """Who gets the mail."""

    first_name: str = Field("", max_length=200)
    last_name: str = Field("", max_length=200)
    email: str = Field("", max_length=200)


class NewCustomer(Body):
    """A customer organisation."""

    name: str = Field("", max_length=200)
    address: Address = Address()
    contact: Contact = Contact()


class NewSetting(Body):
    """A setting and the UTC day from which it holds, for example `price_change_policy`: when a changed price of a list
    counts for running subscriptions (`at_renewal`, `at_next_cycle`, `immediate_prorated`)."""

    setting: str = Field(max_length=50, examples=["price_change_policy"])
    value: str = Field(max_length=50, examples=["at_next_cycle"])
    effective_on: date


class Setting(View):
    """The setting as it was changed."""

    setting: str
    value: str
    effective_on: date


class Customer(View):
    """A customer organisation."""

    id: str
    name: str
    country: str
    status: str
    external_refs: dict[str, str]
    version: int
    created_at: datetime
    updated_at: datetime


class CustomerDetail(Customer):
    """With what only its owner keeps."""

    address: dict[str, Any] | None
    contact: dict[str, Any] | None


class CustomerAdded(View):
    """What was made."""

    id: str
    version: int


class Tenant(View):
    """A Microsoft directory of a customer."""

    id: str
    customer_id: str
    microsoft_tenant_id: str
    domain: str
    company_name: str
    country: str
    status: str
    agreement_accepted_on: date | None
    origin: str
    version: int
    created_at: datetime
    updated_at: datetime


class DomainCheck(Body):
    """A domain to check, with or without `.onmicrosoft.com`."""

    domain: str = Field(max_length=200, examples=["contoso"])


class DomainAnswer(View):
    """Whether it can still be had."""

    domain: str
    is_free: bool


class NewTenant(Body):
    """A tenant to be made at Microsoft."""

    domain: str = Field(max_length=200)
    agreement_accepted: bool


class TenantLink(Body):
    """Whom a discovered tenant belongs to."""

    customer_id: str
    reprice_from: date | None = None


class TenantLinked(View):
    """Whose it is now."""

    tenant_id: str
    customer_id: str


class CatalogueProduct(View):
    """Something that can be bought, for one term and one charge cycle, with the sales price of one seat."""

    product: str
    title: str
    product_group: str
    category: str
    commerce: str
    segment: str
    term: str
    charge_cycle: str
    is_addon: bool
    is_trial: bool
    minimum_quantity: int
    maximum_quantity: int | None
    prerequisites: list[str]
    price: Money | None
    price_reason: str | None = Field(
        description="why there is no price: `not_in_a_price_list`; null where there is one"
    )
    price_scope: str | None


class ResellerProduct(CatalogueProduct):
    """With cost and margin."""

    cost: Money | None
    cost_reason: str | None = Field(
        description="why there is no cost: `not_in_a_price_sheet`; null where there is one"
    )
    margin: Money | None
    margin_percent: str | None


class PriceRule(Body):
    """The price of one seat for one full charge cycle, from a UTC day on."""

    product: str = Field(min_length=1, max_length=100)
    term: Cycle
    charge_cycle: Cycle
    unit_price: str = Field(max_length=30, examples=["12.40"])
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: date
    valid_until: date | None = None
    segment: str = Field("commercial", max_length=50)
    preview: bool = Field(False, description="shown, not chargeable")


class PriceRules(Body):
    """Rows to set; each becomes a new version of its row."""

    rules: list[PriceRule] = Field(min_length=1, max_length=400)


class PriceRuleView(View):
    """A row of a price list."""

    id: str
    version: int
    product: str
    term: str
    charge_cycle: str
    segment: str
    valid_from: date
    valid_until: date | None
    unit_price: Money
    preview: bool
    formula: str | None = Field(description="how a margin rule came to the price; null for others")


class PriceRuleVersion(PriceRuleView):
    """A version of a row: who made it, when and why."""

    made_at: datetime
    actor: str
    reason: str | None


class PriceRuleVersions(PriceRuleView):
    """A row with all its versions, oldest first."""

    versions: list[PriceRuleVersion]


class PriceRowEnd(Body):
    """The first day on which the row holds no more."""

    valid_until: date


class MarginRule(Body):
    """For the products that match (null matches all): base, plus percent, plus amount, rounded to `round_to` with `ending`.

    With `round_to` 0.10 and `ending` 0.09 prices end in .x9. `base_charge_cycle` takes the base price of another charge cycle,
    scaled by months.
    """

    category: str | None = Field(None, max_length=200)
    product_group: str | None = Field(None, max_length=200)
    product: str | None = Field(None, max_length=100)
    term: Cycle | None = None
    charge_cycle: Cycle | None = None
    segment: str | None = Field(None, max_length=50)
    base: Literal["cost", "list"] = Field("cost", description="the cost, or the price in the global list")
    base_charge_cycle: Cycle | None = None
    add_percent: str = Field("0", max_length=30, examples=["20"])
    add_amount: str = Field("0", max_length=30)
    round_to: str = Field("0.01", max_length=30)
    ending: str = Field("0", max_length=30)
    rounding: Literal["nearest", "up", "down"] = "nearest"


class MarginRules(Body):
    """Of several rules that match a product the first one counts."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: date
    rules: list[MarginRule] = Field(min_length=1, max_length=100)


class ImportedLine(View):
    """What became, or would become, of a line: `new`, `changed`, `unchanged` or `refused`."""

    line: int
    result: str
    rule_id: str | None
    unit_price: Money | None
    previous_unit_price: Money | None
    formula: str | None
    note: str | None
    faults: list[dict[str, str]]


class PriceListImport(View):
    """A result for each line; `without_base` are products that margin rules found no base price for."""

    new: int
    changed: int
    unchanged: int
    refused: int
    rows: list[ImportedLine]
    without_base: list[dict[str, str]]


class PriceSheetImport(View):
    """What became of a price sheet's rows; `without_charge` are trials."""

    new: int
    changed: int
    unchanged: int
    without_charge: int
    refused: int
    markets: list[str]
    faults: list[dict[str, str]]


class PriceListChanged(View):
    """The list after the change."""

    id: str
    version: int
    rules: list[str]


class OrderLine(Body):
    """One wish."""

    product: str = Field(max_length=100)
    quantity: int = Field(ge=1, le=10_000_000)
    term: Cycle
    charge_cycle: Cycle
    quote_id: str | None = None
    friendly_name: str | None = Field(None, max_length=200)


class NewOrder(Body):
    """Several lines are one purchase."""

    tenant_id: str
    lines: list[OrderLine] = Field(min_length=1, max_length=50)


class NewQuote(Body):
    """What is to be priced."""

    product: str = Field(max_length=100)
    term: Cycle
    charge_cycle: Cycle
    quantity: int = Field(ge=1, le=10_000_000)


class ResellerNewQuote(NewQuote):
    """For which customer."""

    customer_id: str


class Quote(View):
    """A price that holds until it expires."""

    id: str
    product: str
    title: str
    term: str
    charge_cycle: str
    quantity: int
    unit_price: Money | None
    price_reason: str | None = Field(
        description="why there is no price: `not_in_a_price_list`; null where there is one"
    )
    total: Money | None
    minimum_quantity: int
    maximum_quantity: int | None
    quantity_fits: bool = Field(description="whether an order of this quantity is allowed")
    is_addon: bool
    prerequisites: list[str]
    segment: str
    expires_at: datetime


class ResellerQuote(Quote):
    """With cost and margin of all seats, for one charge cycle; percent of the sales price."""

    unit_cost: Money | None
    cost_reason: str | None = Field(
        description="why there is no cost: `not_in_a_price_sheet`; null where there is one"
    )
    total_cost: Money | None
    margin: Money | None
    margin_percent: str | None


class SeatLot(View):
    """Seats that can be given back until then."""

    quantity: int
    refundable_until: datetime


class Subscription(View):
    """A subscription as its customer sees it. `price` is of one seat for one charge cycle."""

    id: str
    customer_id: str
    tenant_id: str
    name: str
    product: str
    product_title: str
    commerce: str
    term: str
    charge_cycle: str
    quantity: int
    consumed: int | None
    consumed_is_shared: bool
    status: str
    end_of_term: str
    renews_on: date | None
    commitment_ends_on: date | None
    seat_lots: list[SeatLot]
    scheduled_quantity: int | None
    price: Money | None
    origin: str
    external_refs: dict[str, str]
    started_at: datetime
    version: int
    updated_at: datetime


class ResellerSubscription(Subscription):
    """With cost and margin."""

    cost: Money | None
    margin: Money | None


class ChangeQuantity(Body):
    """Seats wanted."""

    quantity: int = Field(ge=1, le=10_000_000)


class EndOfTerm(Body):
    """What happens at the end of the term."""

    end_of_term: Literal["renew", "cancel"]


class Preview(View):
    """What a change would do, before anything is done."""

    allowed: bool
    code: str | None
    reason: str | None
    allowed_from: date | None
    allowed_until: datetime | None
    refund: str
    current_quantity: int
    wanted_quantity: int
    current_cycle_amount: Money | None
    new_cycle_amount: Money | None
    lines: list[dict[str, Any]]
    approval_needed: bool


class NewPriceEdit(Body):
    """The sales price of one seat for one full charge cycle on the service days from `from_on` until before `until_on`.

    `until_on` null: for good, over renewals too, until another edit says otherwise.
    """

    from_on: date
    until_on: date | None
    unit_price: str = Field(max_length=30, examples=["12.40"])
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    reason: str = Field(min_length=1, max_length=500, examples=["agreed discount, contract of 3 March"])


class PriceEdited(View):
    """The edit that was made."""

    id: str


class PriceEdit(View):
    """An edit; `previous_unit_price` ruled its first day before."""

    id: str
    from_on: date
    until_on: date | None
    unit_price: Money
    previous_unit_price: Money | None
    reason: str
    actor: str
    on_behalf_of: str | None
    edited_at: datetime


class PriceEditPreview(View):
    """`lines` would be added to reports that are not issued yet, `instead_of` are those there that they replace."""

    from_on: date
    until_on: date | None
    unit_price: Money
    previous_unit_price: Money | None
    lines: list[dict[str, Any]]
    instead_of: list[dict[str, Any]]
    net: Money


class HistoryEntry(View):
    """Who, when, what, before and after, why."""

    version: int
    what: str
    effective_at: datetime
    recorded_at: datetime
    origin: str
    actor: str
    reason: str | None
    details: dict[str, Any]
    superseded: bool


class OperationStep(View):
    """A step of an operation."""

    name: str
    status: str


class Operation(View):
    """The status of a command that ends at Microsoft."""

    id: str
    kind: str | None
    status: str
    subject: str | None
    requested_by: str | None
    reason: str | None
    steps: list[OperationStep]
    resources: list[str]
    problem: dict[str, Any] | None
    requested_at: datetime | None
    updated_at: datetime | None


class Event(View):
    """A CloudEvent."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    type: str
    source: str
    subject: str
    data: dict[str, Any]


class Feed(View):
    """A page of the change feed; `next` is the cursor to go on with, also when the page is empty."""

    data: list[Event]
    next: str


class NewUser(Body):
    """A user of a tenant."""

    user_name: str = Field(max_length=64, examples=["ada"])
    first_name: str = Field(max_length=64)
    last_name: str = Field(max_length=64)
    usage_location: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    password_mode: Literal["generate_and_mail", "specify_and_mail", "specify"] = "generate_and_mail"  # noqa: S105 - a mode
    password: str | None = Field(None, max_length=256)
    mail_to: str | None = Field(None, max_length=200)


class User(View):
    """A user of a tenant's directory."""

    id: str
    tenant_id: str
    user_principal_name: str | None
    display_name: str | None
    usage_location: str | None
    status: str
    is_administrator: bool
    licences: list[str]
    version: int


class LicenceChange(Body):
    """Directory SKUs by id, or subscriptions whose SKU is meant."""

    subscription_id: str


class Secret(View):
    """Shown once."""

    secret: str
