"""A customer's company and billing profile (PC 3.5, 3.7)."""

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity, tenants
from csp_partner_center_simulator.partner_center.customer_form import mail_address, read_address
from csp_partner_center_simulator.partner_center.customer_json import billing_json, company_json
from csp_partner_center_simulator.state.customers import BillingProfile
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route


def company_profile(call: Call) -> Answer:
    """Read the company profile; there is no update (PC 3.5)."""
    return Answer(body=company_json(call.customer))


def billing_profile(call: Call) -> Answer:
    """Read the billing profile."""
    return Answer(body=billing_json(call.customer))


def update_billing_profile(call: Call) -> Answer:
    """Replace the billing profile; the current etag must be in `If-Match` or in the body (PC 2.5, 3.7)."""
    world, customer, body = call.world, call.customer, call.request.object()
    sent = {
        call.request.headers.get("if-match", "").removeprefix("W/").strip('"'),
        body.object("attributes").text("etag").strip('"'),
    } - {""}
    if not sent:
        raise invalid("The etag is required, in If-Match or in attributes.etag.", code=2055)
    if sent != {customer.billing.etag}:
        raise ApiError(400, 2055, "The etag is not the current one; read the billing profile again.")
    before = billing_json(customer)
    profile = BillingProfile(
        id=customer.billing.id,
        email=mail_address(body.required("email")),
        culture=body.text("culture", customer.billing.culture),
        language=body.text("language", customer.billing.language),
        company_name=body.required("companyName"),
        address=read_address(body.object("defaultAddress")),
        etag=tenants.new_etag(world),
        first_name=body.text("firstName"),
        last_name=body.text("lastName"),
    )
    customer = world.customers.put(replace(customer, billing=profile))
    activity.record(
        world,
        call.actor,
        customer,
        "customer",
        "update_customer_billing_profile",
        old=before,
        new=billing_json(customer),
    )
    return Answer(body=billing_json(customer))


_USER_ONLY = Rights(app_only=False)
ROUTES = (
    Route(
        method="GET",
        path="/v1/customers/{customer}/profiles/company",
        operation="customers.profiles.company.get",
        handler=company_profile,
        rights=_USER_ONLY,
    ),
    Route(
        method="GET",
        path="/v1/customers/{customer}/profiles/billing",
        operation="customers.profiles.billing.get",
        handler=billing_profile,
    ),
    Route(
        method="PUT",
        path="/v1/customers/{customer}/profiles/billing",
        operation="customers.profiles.billing.update",
        handler=update_billing_profile,
        rights=Rights(roles=SELLERS),
    ),
)
