"""Steps of this service's operations at Partner Center."""

import json
from contextlib import suppress
from typing import Any

from csp_partner_center.client import PartnerCenter
from csp_partner_center.errors import AlreadyExists, Forbidden, Invalid, NotFound
from csp_partner_center.licences import LicenceToAssign
from csp_partner_center.operation_calls import ids_of, reseller_of
from csp_partner_center.secrets import Secret
from csp_partner_center.step_faults import as_step_faults
from csp_partner_center.subscriptions import SubscriptionStatus
from csp_partner_center.users import NewUser, PasswordProfile
from csp_runtime.operations import Answered, Busy, Operation, Refused

NO_SEAT = "60012"
PROVISIONING_IS_REFRESHED = 900.0  # seconds (PC 6.11)


class CreateUser:
    """Makes the user with its password; found again by its sign-in name where an answer was lost."""

    name = "create"
    creates = True
    binds = True

    def __init__(self, client: PartnerCenter) -> None:
        self._client = client

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """The form as it was given; it lies sealed until the outcome is known."""
        del operation
        return json.dumps(payload).encode()

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        form = json.loads(body)
        new = NewUser(
            user_principal_name=form["user_principal_name"],
            display_name=form["display_name"],
            first_name=form["first_name"],
            last_name=form["last_name"],
            usage_location=form["usage_location"],
            password_profile=PasswordProfile(password=Secret(form["password"])),
        )
        with as_step_faults():
            try:
                answer = await reseller_of(self._client, operation).users.create(
                    operation.target["microsoft_tenant_id"], new, ids_of(operation, request_id)
                )
            except AlreadyExists:
                found = await self.read_back(operation, body) if _was_lost(operation) else None
                if found is not None:
                    return found
                raise Refused("user-exists", "There is a user with this name already") from None
        return Answered(refs={"microsoft_user_id": str(answer.value.id)}, at=answer.answered_at)

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        wanted = json.loads(body)["user_principal_name"].lower()
        with as_step_faults():
            async for page in reseller_of(self._client, operation).users.pages(
                operation.target["microsoft_tenant_id"]
            ):
                for user in page.items:
                    if (user.user_principal_name or "").lower() == wanted:
                        return Answered(refs={"microsoft_user_id": str(user.id)})
        return None


class _OfTarget:
    """A step of which the operation's target says all, and which can be repeated without harm."""

    creates = False
    binds = True

    def __init__(self, client: PartnerCenter) -> None:
        self._client = client

    async def prepare(self, operation: Operation, payload: dict[str, Any]) -> bytes:
        """Nothing but the target."""
        del operation, payload
        return b"{}"

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        """Not looked for: it is sent again."""
        del operation, body
        return None


class ChangeLicence(_OfTarget):
    """Assigns or removes one SKU of one user; a repetition is harmless."""

    name = "licence"

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        del body
        target = operation.target
        is_assignment = operation.kind == "user.assign_licence"
        with as_step_faults():
            try:
                answer = await reseller_of(self._client, operation).licences.update(
                    target["microsoft_tenant_id"],
                    target["microsoft_user_id"],
                    assign=[LicenceToAssign(sku_id=target["sku_id"])] if is_assignment else [],
                    remove=[] if is_assignment else [target["sku_id"]],
                    ids=ids_of(operation, request_id),
                )
            except Invalid as fault:
                if fault.upstream_code != NO_SEAT:
                    raise
                if await self._seats_are_to_come(operation):
                    raise Busy("seats-not-provisioned", PROVISIONING_IS_REFRESHED, is_answer=True) from None
                raise Refused("no-free-seats", "No seat of this product is free") from None
        return Answered(at=answer.answered_at)

    async def read_back(self, operation: Operation, body: bytes) -> Answered | None:
        del body
        target = operation.target
        with as_step_faults():
            held = await reseller_of(self._client, operation).licences.of_user(
                target["microsoft_tenant_id"], target["microsoft_user_id"]
            )
        has = any(str(licence.product_sku.id).lower() == target["sku_id"].lower() for licence in held.items)
        return Answered() if has == (operation.kind == "user.assign_licence") else None

    async def _seats_are_to_come(self, operation: Operation) -> bool:
        """Whether the directory still waits for seats of this SKU that were bought (PC 7.8)."""
        subscriptions = reseller_of(self._client, operation).subscriptions
        customer = operation.target["microsoft_tenant_id"]
        for each in (await subscriptions.of_customer(customer)).items:
            if each.status not in {SubscriptionStatus.ACTIVE, SubscriptionStatus.PENDING}:
                continue
            with suppress(NotFound, Forbidden):  # what has no seats has no such status
                told = (await subscriptions.provisioning(customer, each.id)).value
                if (
                    told.status == "pending"
                    and str(told.sku_id).lower() == operation.target["sku_id"].lower()
                ):
                    return True
        return False


class DeleteUser(_OfTarget):
    """Becomes inactive for 30 days; deleting again answers "not found", which is as good."""

    name = "delete"

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        del body
        target = operation.target
        with as_step_faults():
            try:
                answer = await reseller_of(self._client, operation).users.delete(
                    target["microsoft_tenant_id"], target["microsoft_user_id"], ids_of(operation, request_id)
                )
            except NotFound:
                return Answered()
        return Answered(at=answer.answered_at)


class RestoreUser(_OfTarget):
    """Active again, without licences."""

    name = "restore"

    async def send(self, operation: Operation, body: bytes, request_id: str) -> Answered:
        del body
        target = operation.target
        with as_step_faults():
            answer = await reseller_of(self._client, operation).users.restore(
                target["microsoft_tenant_id"], target["microsoft_user_id"], ids_of(operation, request_id)
            )
        return Answered(at=answer.answered_at)


def _was_lost(operation: Operation) -> bool:
    return operation.submitted is not None and operation.is_uncertain
