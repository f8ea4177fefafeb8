"""Customers: create, read, list, delete; billing and company profile; relationship (PC 3.4 to 3.7)."""

import re
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity, tenants
from csp_partner_center_simulator.partner_center.customer_form import (
    CULTURE,
    DOMAIN,
    mail_address,
    read_address,
    registration_number,
)
from csp_partner_center_simulator.partner_center.customer_json import billing_json, company_json, short_json
from csp_partner_center_simulator.state.customers import BillingProfile, Customer
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.filters import operator, predicate
from csp_partner_center_simulator.wire.paging import by_seek
from csp_partner_center_simulator.wire.router import DIRECTORY_READERS, SELLERS, Rights, Route

# Initial passwords are made up and told once; nothing can sign in with them here.
PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def create(call: Call) -> Answer:
    """Make a tenant; the password is in this answer and never again (PC 3.4)."""
    world, body = call.world, call.request.object()
    company, billing = body.object("companyProfile"), body.object("billingProfile")
    domain = company.required("domain").lower()
    if not DOMAIN.fullmatch(domain):
        raise invalid(
            "companyProfile.domain must be <prefix>.onmicrosoft.com, prefix: 1 to 27 letters, digits, hyphens.",
            code=3000,
        )
    address = read_address(billing.object("defaultAddress"))
    number = registration_number(company, address)
    culture = billing.required("culture")
    if not CULTURE.fullmatch(culture):
        raise invalid("billingProfile.culture must be a language and a country, such as en-US.", code=3000)
    associated = body.text("associatedPartnerId")
    if associated and associated not in {one.mpn_id for one in call.partner.resellers}:
        raise ApiError(
            400, 900154, f"The indirect reseller {associated[:40]} is not enrolled with this partner."
        )
    if (
        call.partner.kind == "provider"
        and not associated
        and call.partner.resellers
        and body.get("associatedPartnerId") == ""
    ):
        raise invalid("associatedPartnerId must not be blank.", code=3000)
    customer = tenants.create(
        world,
        call.partner,
        call.actor,
        company_name=billing.required("companyName"),
        domain=domain,
        email=mail_address(billing.required("email")),
        culture=f"{culture.partition('-')[0].lower()}-{culture.partition('-')[2].upper()}",
        language=billing.required("language").lower(),
        address=address,
        first_name=billing.text("firstName"),
        last_name=billing.text("lastName"),
        registration_number=number,
        associated_partner_id=associated,
    )
    random = world.random("password")
    password = "".join(random.choice(PASSWORD_LETTERS) for _ in range(12)) + "7!aK"
    answer = {
        "id": customer.id,
        "commerceId": customer.commerce_id,
        "companyProfile": {
            "tenantId": customer.id,
            "domain": customer.domain,
            "companyName": customer.company_name,
            "organizationRegistrationNumber": customer.organization_registration_number or None,
            "attributes": attributes("CustomerCompanyProfile"),
        },
        "billingProfile": billing_json(customer, links=False),
        "enableGDAPByDefault": body.flag("enableGDAPByDefault") or False,
        "relationshipToPartner": "none",  # unset here, reseller when read again (PC 3.4, 16)
        "allowDelegatedAccess": True,
        "userCredentials": {"userName": "admin", "password": password},
        "associatedPartnerId": associated or None,
        "attributes": attributes("Customer"),
    }
    return Answer(201, answer, {"Location": f"/customers/{customer.id}"})


def get(call: Call) -> Answer:
    """Read one customer."""
    customer, relation = call.customer, call.relation
    delegated = bool(relation.gdap_roles)
    return Answer(
        body={
            "id": customer.id,
            "commerceId": customer.commerce_id,
            "companyProfile": company_json(customer, full=delegated),
            "billingProfile": billing_json(customer),
            "relationshipToPartner": relation.relationship,
            "allowDelegatedAccess": delegated,
            "customDomains": list(customer.domains) if delegated else None,
            "associatedPartnerId": relation.associated_partner_id or None,
            "links": {"self": link(f"/customers/{customer.id}")},
            "attributes": attributes("Customer"),
        }
    )


FIELDS: dict[str, Callable[[Customer], str]] = {
    "CompanyName": lambda customer: customer.company_name,
    "Domain": lambda customer: customer.domain,
}


def list_customers(call: Call) -> Answer:
    """List or filter the partner's customers, by seek paging (PC 2.4, 3.5)."""
    text = call.request.param("filter")

    def select(wishes: dict[str, Any]) -> list[Customer]:
        return _matching(call, wishes.get("filter"))

    return Answer(
        body=by_seek(
            call.request,
            "customers",
            "/customers",
            select,
            short_json,
            default=100,
            most=500,
            wishes={"filter": text} if text else {},
            trailing_next=call.world.profile.trailing_next,
        )
    )


def _matching(call: Call, text: str | None) -> list[Customer]:
    everyone = call.world.customers.by("partner", call.partner.id)

    def reseller(customer: Customer) -> str:
        relation = customer.relation(call.partner.id)
        return relation.associated_partner_id if relation else ""

    fields = {**FIELDS, "IndirectReseller": reseller, "IndirectCloudSolutionProvider": reseller}
    if text and operator(_operator_of(text)) != "startswith":
        raise invalid("Customers can be filtered with the operator starts_with only.")
    test = predicate(text, fields)
    return [customer for customer in everyone if test(customer)]


def _operator_of(text: str) -> str:
    found = re.search(r'"operator"\s*:\s*"([^"]*)"', text, re.IGNORECASE)
    return found.group(1) if found else ""


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


def update(call: Call) -> Answer:
    """End the reseller relationship: the only change a customer knows (PC 3.7)."""
    wanted = call.request.object().text("relationshipToPartner").lower()
    if wanted != "none":
        raise invalid("A customer can only be changed to relationshipToPartner 'none'.", code=3000)
    tenants.remove_relationship(call.world, call.partner, call.customer, call.actor)
    return Answer(body={"RelationshipToPartner": "none", "Attributes": {"ObjectType": "Customer"}})


def delete(call: Call) -> Answer:
    """Delete a tenant: integration sandbox only (PC 3.4)."""
    if not call.world.profile.integration_sandbox:
        raise ApiError(403, 800018, "Only customers of an integration sandbox can be deleted.")
    world, customer = call.world, call.customer
    activity.record(world, call.actor, customer, "customer", "delete_tip_customer")
    _forget(world, customer)
    return Answer(204)


def _forget(world: World, customer: Customer) -> None:
    for table in (world.subscriptions, world.users, world.orders, world.carts):
        for row in table.by("customer", customer.id):
            table.remove(row.id)
    world.customers.remove(customer.id)


def custom_domains(call: Call) -> Answer:
    """List the names of the tenant's domains: a bare array."""
    return Answer(body=list(call.customer.domains))


def managed_services(call: Call) -> Answer:
    """List the admin centres the partner can open for the customer."""
    services = [("exchange", "Exchange"), ("office365", "Microsoft 365"), ("sharepoint", "SharePoint")]
    items = [
        {
            "id": name,
            "name": shown,
            "links": {
                "adminService": link(
                    f"https://admin.microsoft.com/Partner/BeginClientSession.aspx?CTID={call.customer.id}&CSDEST={name}"
                ),
                "self": link(f"/customers/{call.customer.id}/managedservices"),
            },
            "attributes": attributes("ManagedService"),
        }
        for name, shown in services
    ]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/managedservices"))


def relationship_request(call: Call) -> Answer:
    """Give the invitation link; it is the same for all customers (PC 3.6)."""
    url = (
        "https://admin.microsoft.com/Adminportal/Home?invType=ResellerRelationship"
        f"&partnerId={call.partner.id}&msppId=0&DAP=false#/BillingAccounts/partner-invitation"
    )
    return Answer(body={"url": url, "attributes": attributes("RelationshipRequest")})


def relationships(call: Call) -> Answer:
    """List the provider's indirect resellers, all or those of one customer (PC 3.5)."""
    resellers = call.partner.resellers
    wish = call.request.param("relationship_type")
    if "customer" in call.params:
        mpn = call.relation.associated_partner_id
        resellers = tuple(one for one in resellers if one.mpn_id == mpn)
    elif wish is None or operator(wish) not in {"isindirectcloudsolutionproviderof", "isindirectresellerof"}:
        raise invalid("relationship_type must be IsIndirectCloudSolutionProviderOf.")
    items = [
        {
            "id": one.tenant_id,
            "name": one.name,
            "relationshipType": "is_indirect_cloud_solution_provider_of",
            "mpnId": one.mpn_id,
            "state": "active",
            "attributes": attributes("PartnerRelationship"),
        }
        for one in resellers
    ]
    return Answer(body=collection(items, "/relationships"))


_USER_ONLY = Rights(app_only=False)
ROUTES = (
    Route(
        method="POST",
        path="/v1/customers",
        operation="customers.create",
        handler=create,
        rights=Rights(roles=SELLERS),
    ),
    Route(method="GET", path="/v1/customers", operation="customers.list", handler=list_customers),
    Route(method="GET", path="/v1/customers/{customer}", operation="customers.get", handler=get),
    Route(
        method="PATCH",
        path="/v1/customers/{customer}",
        operation="customers.update",
        handler=update,
        rights=Rights(app_only=False, roles=SELLERS),
    ),
    Route(
        method="DELETE",
        path="/v1/customers/{customer}",
        operation="customers.delete",
        handler=delete,
        rights=Rights(roles=SELLERS),
    ),
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
    Route(
        method="GET",
        path="/v1/customers/{customer}/customDomains",
        operation="customers.customDomains.list",
        handler=custom_domains,
        rights=Rights(gdap=DIRECTORY_READERS | {"Domain Administrator"}),
    ),
    Route(
        method="GET",
        path="/v1/customers/{customer}/managedservices",
        operation="customers.managedservices.list",
        handler=managed_services,
        rights=_USER_ONLY,
    ),
    Route(
        method="GET",
        path="/v1/customers/relationshiprequests",
        operation="customers.relationshiprequests.get",
        handler=relationship_request,
        rights=_USER_ONLY,
    ),
    Route(method="GET", path="/v1/relationships", operation="relationships.list", handler=relationships),
    Route(
        method="GET",
        path="/v1/customers/{customer}/relationships",
        operation="customers.relationships.list",
        handler=relationships,
    ),
)
