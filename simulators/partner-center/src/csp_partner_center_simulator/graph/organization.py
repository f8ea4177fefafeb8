"""The customer's organization, its domains and directory roles, as Graph shows them.

The reference names the right `Organization.Read.All` and the roles of a directory (PC 13, 1.2), not the calls: their form is that
of Graph's public models; what they say is the state of this tenant.
"""

from typing import Any

from csp_partner_center_simulator.commerce import people
from csp_partner_center_simulator.commerce.delegation import ROLES
from csp_partner_center_simulator.graph.delta import home
from csp_partner_center_simulator.graph.odata import filtered, selected
from csp_partner_center_simulator.graph.user_json import USUAL, everything
from csp_partner_center_simulator.partner_center.roles import role_id
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.wire.answer import Answer, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import GraphError
from csp_partner_center_simulator.wire.router import GRAPH_READERS, HELPERS, Rights, Route

TEMPLATES = {name: template for template, name in ROLES.items()}


def organizations(call: Call) -> Answer:
    """List the one organization of the directory."""
    one = _organization(home(call))
    return _list(call, "organization", [selected(call.request, one, tuple(one))])


def organization(call: Call) -> Answer:
    """Read the organization; its id is that of the tenant."""
    one = _organization(home(call))
    if call.params["organization"].lower() != one["id"]:
        raise _missing(call.params["organization"])
    return _one(call, "organization", selected(call.request, one, tuple(one)))


def domains(call: Call) -> Answer:
    """List the domains of the directory; all are verified."""
    return _list(call, "domains", _domains(home(call)))


def domain(call: Call) -> Answer:
    """Read a domain by its name."""
    wanted = call.params["domain"].lower()
    found = next((one for one in _domains(home(call)) if one["id"].lower() == wanted), None)
    if found is None:
        raise _missing(wanted)
    return _one(call, "domains", found)


def roles(call: Call) -> Answer:
    """List the directory roles that are activated."""
    items = [_role(home(call), name) for name in people.DIRECTORY_ROLES]
    return _list(call, "directoryRoles", filtered(call.request, items, lambda item: item))


def role_members(call: Call) -> Answer:
    """List who holds a directory role."""
    customer, wanted = home(call), call.params["role"].lower()
    name = next((one for one in people.DIRECTORY_ROLES if role_id(customer, one) == wanted), None)
    if name is None:
        raise _missing(wanted)
    members = [
        {
            "@odata.type": "#microsoft.graph.user",
            **selected(call.request, everything(user), USUAL),
        }
        for user in people.listed(call.world, customer)
        if name in user.roles
    ]
    return _list(call, "directoryObjects", members)


def _organization(customer: Customer) -> dict[str, Any]:
    address = customer.billing.address
    return {
        "id": customer.id,
        "deletedDateTime": None,
        "businessPhones": [address.phone_number] if address.phone_number else [],
        "city": address.city or None,
        "country": None,
        "countryLetterCode": address.country,
        "createdDateTime": instant(customer.created_at),
        "displayName": customer.company_name,
        "postalCode": address.postal_code or None,
        "preferredLanguage": customer.billing.language,
        "state": address.state or None,
        "street": address.address_line1 or None,
        "tenantType": "AAD",
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": name == customer.domain,
                "isInitial": name == customer.domain,
                "name": name,
                "type": "Managed",
            }
            for name in customer.domains
        ],
    }


def _domains(customer: Customer) -> list[dict[str, Any]]:
    return [
        {
            "authenticationType": "Managed",
            "id": name,
            "isAdminManaged": True,
            "isDefault": name == customer.domain,
            "isInitial": name == customer.domain,
            "isRoot": True,
            "isVerified": True,
            "supportedServices": ["Email", "OfficeCommunicationsOnline"],
        }
        for name in customer.domains
    ]


def _role(customer: Customer, name: str) -> dict[str, Any]:
    return {
        "id": role_id(customer, name),
        "deletedDateTime": None,
        "description": name,
        "displayName": name,
        "roleTemplateId": TEMPLATES.get(name),
    }


def _list(call: Call, context: str, items: list[dict[str, Any]]) -> Answer:
    found = {"@odata.context": f"{call.base_url}/graph/v1.0/$metadata#{context}", "value": items}
    return Answer(body=found, nulls=True)


def _one(call: Call, context: str, item: dict[str, Any]) -> Answer:
    found = {"@odata.context": f"{call.base_url}/graph/v1.0/$metadata#{context}/$entity", **item}
    return Answer(body=found, nulls=True)


def _missing(wanted: str) -> GraphError:
    return GraphError(404, "Request_ResourceNotFound", f"Resource '{wanted[:64]}' does not exist.")


_READ = Rights(roles=HELPERS, gdap=GRAPH_READERS)


def _get(path: str, operation: str, handler: Any) -> Route:
    return Route(
        method="GET",
        path=f"/graph/v1.0/{path}",
        operation=f"graph.{operation}",
        handler=handler,
        rights=_READ,
    )


ROUTES = (
    _get("organization", "organization.list", organizations),
    _get("organization/{organization}", "organization.get", organization),
    _get("domains", "domains.list", domains),
    _get("domains/{domain}", "domains.get", domain),
    _get("directoryRoles", "directoryRoles.list", roles),
    _get("directoryRoles/{role}/members", "directoryRoles.members.list", role_members),
)
