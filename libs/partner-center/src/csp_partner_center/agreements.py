"""The customer agreement that every purchase needs (PC 3.8)."""

from dataclasses import dataclass, field
from datetime import datetime

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Access, Call, path
from csp_partner_center.paging import everything
from csp_partner_center.reading import wire
from csp_partner_center.session import Session
from csp_partner_center.writing import encode

MICROSOFT_CUSTOMER_AGREEMENT = "MicrosoftCustomerAgreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementTemplate:
    """Which text is to be agreed to, and where it can be read."""

    template_id: str
    agreement_type: str = MICROSOFT_CUSTOMER_AGREEMENT
    agreement_link: str | None = None
    version_rank: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who agreed."""

    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str = field(repr=False)
    phone_number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A confirmation on file."""

    template_id: str
    date_agreed: datetime | None = None
    agreement_type: str | None = field(default=None, metadata=wire("type"))
    user_id: str | None = None
    primary_contact: Contact | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectlySigned:
    """Whether the customer accepted in its own admin centre."""

    is_signed: bool


class Agreements:
    """Creating and the templates are app+user."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def templates(self, agreement_type: str = MICROSOFT_CUSTOMER_AGREEMENT) -> list[AgreementTemplate]:
        """Without a type Microsoft answers the older cloud agreement; therefore always with one."""
        call = Call(
            operation="agreements.list",
            method="GET",
            path="/agreements",
            query=(("agreementType", agreement_type),),
            access=Access.APP_USER,
        )
        return (await everything(self._session, AgreementTemplate, call)).items

    async def confirm(
        self,
        customer_id: str,
        template: AgreementTemplate,
        contact: Contact,
        agreed_at: datetime,
        ids: RequestIds,
    ) -> Answer[Agreement]:
        """Confirm for a customer. Raises `AlreadyExists` (600061) where the same contact has: take it as done."""
        return await self._session.ask(
            Agreement,
            Call(
                operation="customers.agreements.create",
                method="POST",
                path=path("customers", customer_id, "agreements"),
                body=encode(
                    {
                        "primaryContact": contact,
                        "dateAgreed": agreed_at,
                        "templateId": template.template_id,
                        "type": template.agreement_type,
                    }
                ),
                access=Access.APP_USER,
                is_repeatable=True,
            ),
            ids,
        )

    async def of_customer(
        self, customer_id: str, agreement_type: str = MICROSOFT_CUSTOMER_AGREEMENT
    ) -> list[Agreement]:
        """The confirmations on file."""
        call = Call(
            operation="customers.agreements.list",
            method="GET",
            path=path("customers", customer_id, "agreements"),
            query=(("agreementType", agreement_type),),
        )
        return (await everything(self._session, Agreement, call)).items

    async def is_signed_by_customer(self, customer_id: str) -> bool:
        """Whether the customer accepted by itself."""
        call = Call(
            operation="customers.agreements.directsigned.get",
            method="GET",
            path=path("customers", customer_id, "directSignedMicrosoftCustomerAgreementStatus"),
        )
        return (await self._session.ask(DirectlySigned, call)).value.is_signed
