"""Checks and steps at Partner Center: domain, address rules, creating the tenant, agreement, first password."""

import json
from datetime import datetime
from typing import Any

from csp_partner_center.agreements import Contact as AgreementContact
from csp_partner_center.client import PartnerCenter
from csp_partner_center.customers import NewCustomer
from csp_partner_center.domains import Address as MicrosoftAddress
from csp_partner_center.errors import AlreadyExists, NotDone, OutcomeUnknown, PartnerCenterError
from csp_partner_center.operation_calls import ids_of, reseller_of
from csp_partner_center.secrets import Secret
from csp_partner_center.step_faults import as_step_faults
from csp_partner_center.users import PasswordProfile
from csp_provisioning.domain.forms import CountryRules
from csp_runtime.clock import Clock
from csp_runtime.operations import Answered, Operation, Refused
from csp_runtime.passwords import generate
from csp_runtime.problems import Problem
from csp_runtime.seals import Seals

SEAL_PURPOSE = "tenant administrator's password"


class PartnerCenterChecks:
    """As `MicrosoftChecks`."""

    def __init__(self, client: PartnerCenter) -> None:
        self._client = client

    async def is_domain_free(self, reseller: str, domain: str) -> bool:
        try:
            return not (await self._client.as_reseller(reseller).domains.is_taken(domain)).value
        except PartnerCenterError as fault:
            raise _unavailable(fault) from None

    async def country_rules(self, reseller: str, country: str) -> CountryRules:
        try:
            rules = (await self._client.as_reseller(reseller).domains.country_rules(country)).value
        except PartnerCenterError as fault:
            raise _unavailable(fault) from None
        return CountryRules(
            is_state_required=rules.is_state_required,
            states=tuple(rules.supported_states_list),
            is_postal_code_required=rules.is_postal_code_required,
            postal_code_pattern=rules.postal_code_regex,
            is_city_required=rules.is_city_required,
        )


def _unavailable(fault: PartnerCenterError) -> Problem:
    if isinstance(fault, NotDone | OutcomeUnknown):
        return Problem(
            "upstream-unavailable", "Microsoft does not answer", retry_after=fault.retry_after or 5
        )
    return Problem(
        "upstream-rejected",
        "Microsoft refused the question",
        extra={"upstream": {"system": "partner_center", "code": fault.upstream_code}},
    )


class CreateTenant:
    """Makes the directory. Its answer holds the administrator's password, once."""

    name = "create"
    creates = True
    binds = True

    def __init__(self, client: PartnerCenter, seals: Seals, clock: Clock) -> None:
        self._client = client
        self._seals = seals
        self._clock = clock

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """The form; the domain is asked for once more, because it can be taken between check and command."""
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            taken = (await partner.domains.is_taken(operation.target["domain"])).value
        if taken:
            raise Refused("domain-taken", "The domain is taken", domain=operation.target["domain"])
        return json.dumps(payload).encode()

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        form = json.loads(body)
        address = form["address"]
        new = NewCustomer(
            domain=operation.target["domain"],
            company_name=operation.target["company_name"],
            email=form["contact"]["email"],
            first_name=form["contact"]["first_name"],
            last_name=form["contact"]["last_name"],
            address=MicrosoftAddress(
                country=address["country"],
                address_line1=address["line1"],
                address_line2=address["line2"],
                city=address["city"],
                state=address["state"],
                postal_code=address["postal_code"],
                first_name=form["contact"]["first_name"],
                last_name=form["contact"]["last_name"],
                phone_number=address["phone"],
            ),
        )
        with as_step_faults():
            try:
                answer = await reseller_of(self._client, operation).customers.create(
                    new, ids_of(operation, request_id)
                )
            except AlreadyExists:
                raise Refused(
                    "domain-taken", "The domain is taken", domain=operation.target["domain"]
                ) from None
        refs: dict[str, Any] = {"microsoft_tenant_id": str(answer.value.customer.id)}
        credentials = answer.value.credentials
        if credentials is None or credentials.password is None:
            return Answered(refs=refs, at=answer.answered_at)
        seal_id, seal = self._seals.prepare(
            reseller=operation.meta.reseller,
            purpose=SEAL_PURPOSE,
            secret=credentials.password.reveal(),
            now=self._clock.now(),
        )
        return Answered(refs={**refs, "seal_id": seal_id}, at=answer.answered_at, also=[seal])

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """A customer of ours with that very domain; its password is lost and will be set anew."""
        del body
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            found = await partner.customers.find("Domain", operation.target["domain"].split(".")[0])
        for customer in found:
            if (customer.company_profile.domain or "").lower() == operation.target["domain"]:
                return Answered(refs={"microsoft_tenant_id": str(customer.id)})
        return None


class ConfirmAgreement:
    """The customer agreement, which every purchase needs (PC 3.8)."""

    name = "agreement"
    creates = False
    binds = True

    def __init__(self, client: PartnerCenter) -> None:
        self._client = client

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """Who agreed and when, as the caller stated it."""
        return json.dumps(
            {"contact": payload["contact"], "agreed_at": operation.target["agreement_accepted_at"]}
        ).encode()

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        said = json.loads(body)
        partner = reseller_of(self._client, operation)
        contact = AgreementContact(
            first_name=said["contact"]["first_name"],
            last_name=said["contact"]["last_name"],
            email=said["contact"]["email"],
        )
        with as_step_faults():
            templates = await partner.agreements.templates()
            if not templates:
                raise Refused("agreement-missing", "Microsoft offers no customer agreement to accept")
            try:
                answer = await partner.agreements.confirm(
                    operation.refs["microsoft_tenant_id"],
                    templates[0],
                    contact,
                    datetime.fromisoformat(said["agreed_at"]),
                    ids_of(operation, request_id),
                )
            except AlreadyExists:
                return Answered(refs={"agreement_type": templates[0].agreement_type})
        return Answered(refs={"agreement_type": templates[0].agreement_type}, at=answer.answered_at)

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """Confirming again answers "exists already", which is as good."""
        del operation, body
        return None


class SecurePassword:
    """Where the answer that held the password was lost, a new one is set; otherwise there is nothing to do."""

    name = "password"
    creates = False
    binds = True

    def __init__(self, client: PartnerCenter, seals: Seals, clock: Clock) -> None:
        self._client = client
        self._seals = seals
        self._clock = clock

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """The administrator, and a new password if the first one is lost (the body is kept sealed)."""
        del payload
        partner = reseller_of(self._client, operation)
        administrator = f"admin@{operation.target['domain']}"
        with as_step_faults():
            users = [
                user
                async for page in partner.users.pages(operation.refs["microsoft_tenant_id"])
                for user in page.items
            ]
        found = [user for user in users if (user.user_principal_name or "").lower() == administrator.lower()]
        user = next(iter(found or users), None)
        lost = "seal_id" not in operation.refs
        return json.dumps(
            {
                "user_id": None if user is None else str(user.id),
                "password": generate() if lost else None,
            }
        ).encode()

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        wish = json.loads(body)
        refs: dict[str, Any] = {"administrator_id": wish["user_id"]}
        if wish["password"] is None or wish["user_id"] is None:
            return Answered(refs=refs)
        partner = reseller_of(self._client, operation)
        with as_step_faults():
            answer = await partner.users.reset_password(
                operation.refs["microsoft_tenant_id"],
                wish["user_id"],
                PasswordProfile(password=Secret(wish["password"])),
                ids_of(operation, request_id),
            )
        seal_id, seal = self._seals.prepare(
            reseller=operation.meta.reseller,
            purpose=SEAL_PURPOSE,
            secret=wish["password"],
            now=self._clock.now(),
        )
        return Answered(refs={**refs, "seal_id": seal_id}, at=answer.answered_at, also=[seal])

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """Setting the same password again is harmless."""
        del operation, body
        return None
