"""The partner's own profiles, and whether a partner has signed the partner agreement.

The reference does not describe them; names and types are those of Microsoft's SDKs (PC 15.1, 15.5).
"""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.partner_center.customer_form import read_address
from csp_partner_center_simulator.partner_center.customer_json import address_json
from csp_partner_center_simulator.state.partners import Partner, PartnerProfile
from csp_partner_center_simulator.wire.answer import Answer, attributes, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import ADMINS, Rights, Route

CONTACT = ("firstName", "lastName", "email", "phoneNumber")
SUPPORT = ("email", "telephone", "website")
PHONE = "2065550100"


def _stored(call: Call) -> PartnerProfile:
    known = call.world.partner_profiles.get(call.partner.id)
    return known or PartnerProfile(id=call.partner.id, billing={}, support={})


def _domain(partner: Partner) -> str:
    return partner.user_principal_name.partition("@")[2]


def _address(partner: Partner) -> dict[str, Any]:
    return {
        "country": partner.country,
        "city": "Redmond" if partner.country == "US" else "Capital City",
        "state": "WA" if partner.country == "US" else None,
        "addressLine1": "1 Partner Way",
        "postalCode": "98052" if partner.country == "US" else "10115",
        "firstName": "Alex",
        "lastName": "Partner",
        "phoneNumber": PHONE,
    }


def _contact(partner: Partner) -> dict[str, Any]:
    return {
        "firstName": "Alex",
        "lastName": "Partner",
        "email": partner.user_principal_name,
        "phoneNumber": PHONE,
    }


def _profile(
    kind: str, name: str, object_type: str, members: dict[str, Any], etag: str | None = None
) -> Answer:
    return Answer(
        body={
            **members,
            "profileType": f"{kind}_profile",
            "links": {"self": link(f"/profiles/{name}")},
            "attributes": attributes(object_type, etag),
        }
    )


def organization(call: Call) -> Answer:
    """Read the organisation profile."""
    partner, facts = call.partner, find_country(call.partner.country)
    culture = facts.cultures[0] if facts else "en-US"
    members = {
        "id": partner.id,
        "companyName": partner.name,
        "defaultAddress": _address(partner),
        "tenantId": partner.id,
        "domain": _domain(partner),
        "email": partner.user_principal_name,
        "language": culture.partition("-")[0],
        "culture": culture,
    }
    return _profile("organization", "organization", "OrganizationProfile", members)


def legal_business(call: Call) -> Answer:
    """Read the legal business profile; partners here are vetted."""
    partner = call.partner
    members = {
        "companyName": partner.name,
        "address": _address(partner),
        "primaryContact": _contact(partner),
        "companyApproverAddress": _address(partner),
        "companyApproverEmail": partner.user_principal_name,
        "vettingStatus": "authorized",
        "vettingSubStatus": "none",
    }
    return _profile("legal_business", "legalbusiness", "LegalBusinessProfile", members)


def billing(call: Call) -> Answer:
    """Read the partner's billing profile."""
    return _billing(call, _stored(call))


def _billing(call: Call, stored: PartnerProfile) -> Answer:
    partner = call.partner
    members = {
        "companyName": partner.name,
        "address": _address(partner),
        "primaryContact": _contact(partner),
        "purchaseOrderNumber": "",
        "taxId": "",
        "billingDay": partner.billing_day,
        "billingCurrency": partner.currency,
        **stored.billing,
    }
    return _profile("billing", "billing", "PartnerBillingProfile", members, str(stored.version))


def update_billing(call: Call) -> Answer:
    """Change contact, address, order number and tax id; name, day and currency are Microsoft's to change."""
    stored, body = _stored(call), call.request.object()
    etag = call.request.headers.get("if-match", "").strip('"') or body.object("attributes").text("etag")
    if etag and etag != str(stored.version):
        raise ApiError(400, 2055, "The etag is not the current one; read the billing profile again.")
    address = read_address(body.object("address"))
    if address.country != call.partner.country:
        raise invalid(f"address.country must stay {call.partner.country}.", code=3000)
    changed = {
        "address": address_json(address),
        "primaryContact": _texts(body.object("primaryContact"), CONTACT),
        "purchaseOrderNumber": body.text("purchaseOrderNumber"),
        "taxId": body.text("taxId"),
    }
    return _billing(
        call, call.world.partner_profiles.put(replace(stored, billing=changed, version=stored.version + 1))
    )


def _texts(body: Body, names: tuple[str, ...]) -> dict[str, str]:
    return {name: body.text(name) for name in names}


def mpn(call: Call) -> Answer:
    """Read the partner network profile: the partner's own, or that of one of its resellers."""
    wanted = call.request.param("mpnId") or call.partner.mpn_id
    names = {
        call.partner.mpn_id: call.partner.name,
        **{one.mpn_id: one.name for one in call.partner.resellers},
    }
    if wanted not in names:
        raise ApiError(404, 2072, f"The partner id {wanted[:20]} is not valid.")
    return _profile("mpn", "mpn", "MpnProfile", {"mpnId": wanted, "partnerName": names[wanted]})


def support(call: Call) -> Answer:
    """Read the support profile."""
    return _support(call, _stored(call))


def _support(call: Call, stored: PartnerProfile) -> Answer:
    members = {
        "email": f"support@{_domain(call.partner)}",
        "telephone": PHONE,
        "website": f"https://{_domain(call.partner)}",
        **stored.support,
    }
    return _profile("support", "support", "SupportProfile", members)


def update_support(call: Call) -> Answer:
    """Replace the support profile."""
    body = call.request.object()
    body.required("email")
    stored = replace(_stored(call), support=_texts(body, SUPPORT))
    return _support(call, call.world.partner_profiles.put(stored))


def agreement_status(call: Call) -> Answer:
    """Tell whether a partner has signed the partner agreement: all of this world have."""
    mpn_id, tenant_id = call.request.param("mpnId"), call.request.param("tenantId")
    if mpn_id is None and tenant_id is None:
        raise invalid("mpnId or tenantId is required.")
    partner = call.partner
    known = {partner.id, partner.mpn_id, *(one.mpn_id for one in partner.resellers)}
    known |= {one.tenant_id for one in partner.resellers}
    if not {(mpn_id or "").lower(), (tenant_id or "").lower()} & known:
        raise ApiError(404, 2072, "No such partner is known to this one.")
    return Answer(body={"isAgreementSigned": True})


_READ, _WRITE = Rights(app_only=False), Rights(app_only=False, roles=ADMINS)


def _route(method: str, name: str, verb: str, handler: Any) -> Route:
    return Route(
        method=method,
        path=f"/v1/profiles/{name}",
        operation=f"profiles.{name}.{verb}",
        handler=handler,
        rights=_READ if method == "GET" else _WRITE,
    )


ROUTES = (
    _route("GET", "organization", "get", organization),
    _route("GET", "legalbusiness", "get", legal_business),
    _route("GET", "billing", "get", billing),
    _route("PUT", "billing", "update", update_billing),
    _route("GET", "mpn", "get", mpn),
    _route("GET", "support", "get", support),
    _route("PUT", "support", "update", update_support),
    Route(
        method="GET",
        path="/v1/compliance/csp/agreementstatus",
        operation="compliance.csp.agreementstatus.get",
        handler=agreement_status,
    ),
)
