"""Around a customer: its domains and admin centers, the invitation, and the resellers in between (PC 3.5, 3.6)."""

from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import invalid
from csp_partner_center_simulator.wire.filters import operator
from csp_partner_center_simulator.wire.router import DOMAIN_READERS, Rights, Route


def custom_domains(call: Call) -> Answer:
    """List the names of the tenant's domains: a bare array."""
    return Answer(body=list(call.customer.domains))


ADMIN_CENTER = "https://admin.microsoft.com/Partner/BeginClientSession.aspx"


def managed_services(call: Call) -> Answer:
    """List the admin centres the partner can open for the customer."""
    services = [("exchange", "Exchange"), ("office365", "Microsoft 365"), ("sharepoint", "SharePoint")]
    items = [
        {
            "id": name,
            "name": shown,
            "links": {
                **{
                    purpose: link(f"{ADMIN_CENTER}?CTID={call.customer.id}&CSDEST={destination}")
                    for purpose, destination in (
                        ("adminService", name),
                        ("serviceHealth", f"{name}/servicehealth"),
                        ("serviceTicket", f"{name}/support"),
                    )
                },
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
    uri = "/relationships"
    if "customer" in call.params:
        uri = f"/customers/{call.customer.id}/relationships"
        mpn = call.relation.associated_partner_id
        resellers = tuple(one for one in resellers if one.mpn_id == mpn)
    elif wish is None or operator(wish) not in {"isindirectcloudsolutionproviderof", "isindirectresellerof"}:
        raise invalid("relationship_type must be IsIndirectCloudSolutionProviderOf.")
    items = [
        {
            "id": one.tenant_id,
            "name": one.name,
            "relationshipType": "is_indirect_cloud_solution_provider_of",
            "state": "Active",
            "mpnId": one.mpn_id,
            "location": call.partner.country,
            "attributes": attributes("PartnerRelationship"),
        }
        for one in resellers
    ]
    return Answer(body=collection(items, uri))


_USER_ONLY = Rights(app_only=False)
ROUTES = (
    Route(
        method="GET",
        path="/v1/customers/{customer}/customDomains",
        operation="customers.customDomains.list",
        handler=custom_domains,
        rights=Rights(gdap=DOMAIN_READERS),
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
