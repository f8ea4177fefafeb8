"""The customer agreement: templates, confirmations, what the customer signed itself (PC 3.8)."""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity
from csp_partner_center_simulator.state.customers import Agreement
from csp_partner_center_simulator.wire.answer import Answer, collection
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import AgreementError, invalid
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route

CUSTOMER_AGREEMENT = "MicrosoftCustomerAgreement"
CLOUD_AGREEMENT = "MicrosoftCloudAgreement"
TEMPLATES = {
    CUSTOMER_AGREEMENT: ("117a77b0-9360-443b-8795-c6dedc750cf9", "https://aka.ms/customeragreement"),
    CLOUD_AGREEMENT: (
        "998b88de-aa99-4388-a42c-1b3517d49490",
        "https://docs.microsoft.com/partner-center/agreements",
    ),
}


def agreement_metadata(call: Call) -> Answer:
    """List agreement templates; without a type the older cloud agreement (PC 3.8)."""
    wanted = call.request.param("agreementType") or CLOUD_AGREEMENT
    names = [name for name in TEMPLATES if wanted == "*" or name.lower() == wanted.lower()]
    if not names:
        raise invalid(f"agreementType '{wanted[:40]}' is not known.")
    items = [
        {
            "templateId": TEMPLATES[name][0],
            "agreementType": name,
            "agreementLink": TEMPLATES[name][1],
            "versionRank": 0,
        }
        for name in names
    ]
    return Answer(body=collection(items, "/agreements"))


def confirm_agreement(call: Call) -> Answer:
    """Confirm that the customer accepted; 600061 for the same contact again (PC 3.8)."""
    world, customer, body = call.world, call.customer, call.request.object()
    contact = body.object("primaryContact")
    kind = body.text("type", CUSTOMER_AGREEMENT)
    if kind not in TEMPLATES:
        raise invalid(f"type '{kind[:40]}' is not a known agreement.", code=3000)
    if body.required("templateId").lower() != TEMPLATES[kind][0]:
        raise invalid("templateId is not that of the agreement type.", code=3000)
    agreed = body.at("dateAgreed")
    if agreed is None:
        raise invalid("dateAgreed is required.", code=3000)
    agreement = Agreement(
        type=kind,
        template_id=TEMPLATES[kind][0],
        date_agreed=body.text("dateAgreed"),  # told again as it was written
        user_id=call.caller.user_id,
        first_name=contact.required("firstName"),
        last_name=contact.required("lastName"),
        email=contact.required("email"),
        phone_number=contact.text("phoneNumber"),
    )
    same = [
        one
        for one in customer.agreements
        if (one.type, one.email.lower(), one.first_name, one.last_name)
        == (kind, agreement.email.lower(), agreement.first_name, agreement.last_name)
    ]
    if same:
        raise AgreementError(
            400,
            600061,
            "PartnerConfirmedAgreementAlreadyExists",
            "A partner confirmed agreement already exists for the customer.",
        )
    customer = world.customers.put(replace(customer, agreements=(*customer.agreements, agreement)))
    activity.record(
        world, call.actor, customer, "agreement", "create_agreement", data=(("AgreementType", kind),)
    )
    return Answer(201, _agreement_json(agreement))


def _agreement_json(agreement: Agreement) -> dict[str, Any]:
    return {
        "userId": agreement.user_id,
        "primaryContact": {
            "firstName": agreement.first_name,
            "lastName": agreement.last_name,
            "email": agreement.email,
            "phoneNumber": agreement.phone_number or None,
        },
        "templateId": agreement.template_id,
        "dateAgreed": agreement.date_agreed,
        "type": agreement.type,
    }


def agreements(call: Call) -> Answer:
    """List what was confirmed for a customer."""
    wanted = call.request.param("agreementType")
    items = [
        _agreement_json(one)
        for one in call.customer.agreements
        if wanted is None or wanted == "*" or one.type.lower() == wanted.lower()
    ]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/agreements"))


def directly_signed(call: Call) -> Answer:
    """Tell whether the customer accepted in its own admin centre."""
    return Answer(body={"isSigned": call.customer.directly_signed})


_USER_ONLY = Rights(app_only=False)

_C = "/v1/customers/{customer}"
ROUTES = (
    Route(
        method="GET",
        path="/v1/agreements",
        operation="agreements.list",
        handler=agreement_metadata,
        rights=_USER_ONLY,
    ),
    Route(
        method="POST",
        path=f"{_C}/agreements",
        operation="customers.agreements.create",
        handler=confirm_agreement,
        rights=Rights(app_only=False, roles=SELLERS),
    ),
    Route(method="GET", path=f"{_C}/agreements", operation="customers.agreements.list", handler=agreements),
    Route(
        method="GET",
        path=f"{_C}/directSignedMicrosoftCustomerAgreementStatus",
        operation="customers.directSignedMicrosoftCustomerAgreementStatus.get",
        handler=directly_signed,
    ),
)
