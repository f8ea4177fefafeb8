"""What the operations on users write: facts, rows, and the mail with the one-time link."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.identity_sync_v1 import (
    LicenseAssigned,
    LicenseUnassigned,
    UserCreated,
    UserDeleted,
    UserRestored,
)
from csp_contracts.ids import Kind, named_id
from csp_identity_sync.adapters.directory import DirectoryRows, change_skus, change_user, insert_user
from csp_identity_sync.adapters.microsoft import ChangeLicence, CreateUser, DeleteUser, RestoreUser
from csp_partner_center.client import PartnerCenter
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.mail import Mail
from csp_runtime.operations import Answered, Operation, Plan
from csp_runtime.operations.steps import Facts
from csp_runtime.outgoing_mail import OutgoingMail
from csp_runtime.scope import service_scope
from csp_runtime.seals import Seals
from csp_runtime.secret_box import SecretBox
from csp_runtime.store import Also, EventStore

SEAL_PURPOSE = "user's password"


class UserOutcomes:
    """The plans of this service, and their facts."""

    def __init__(
        self,
        *,
        store: EventStore,
        database: Database,
        seals: Seals,
        box: SecretBox,
        mail: OutgoingMail,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._store = store
        self._database = database
        self._directory = DirectoryRows(database)
        self._seals = seals
        self._box = box
        self._mail = mail
        self._clock = clock
        self._public_url = public_url

    def plans(self, client: PartnerCenter) -> list[Plan]:
        """Every kind of operation of this service."""
        licence = ChangeLicence(client)
        return [
            Plan(kind="user.create", steps=[CreateUser(client)], facts=self.created),
            Plan(kind="user.assign_licence", steps=[licence], facts=self.changed),
            Plan(kind="user.unassign_licence", steps=[licence], facts=self.changed),
            Plan(kind="user.delete", steps=[DeleteUser(client)], facts=self.changed),
            Plan(kind="user.restore", steps=[RestoreUser(client)], facts=self.changed),
        ]

    async def created(self, operation: Operation, answered: Answered) -> Facts:
        """UserCreated, unless an observation came first; the names and the mail either way."""
        microsoft_user_id = operation.refs["microsoft_user_id"]
        user_id = named_id(Kind.USER, operation.meta.reseller, microsoft_user_id)
        history = await self._store.load(user_id)
        now = self._clock.now()
        form = await self._payload(operation.meta.reseller, operation.id)
        tenant = await self._directory.tenant(
            service_scope(operation.meta.reseller, "identity-sync"), operation.target["tenant_id"]
        )
        if tenant is None:
            raise ValueError(f"operation {operation.id} is for an unknown tenant")
        events: list[Recorded[Any]] = []
        if not history:
            data = UserCreated(
                user_id=user_id,
                tenant_id=operation.target["tenant_id"],
                microsoft_user_id=microsoft_user_id,
            )
            meta = _meta(operation, answered.at or now, now, ())
            events.append(Recorded(stream=user_id, version=1, data=data, meta=meta))
        also: list[Also] = [
            insert_user(
                user_id=user_id,
                reseller=operation.meta.reseller,
                tenant=tenant,
                microsoft_user_id=microsoft_user_id,
                names=form,
                is_administrator=False,
                version=1,
                at=now,
            )
        ]
        if form.get("mail_to"):
            also += self._deliver(operation, form, now)
        return Facts(events=events, also=also, resources=[user_id])

    def _deliver(self, operation: Operation, form: dict[str, Any], now: datetime) -> list[Also]:
        """The password goes into a seal; the mail carries a link to it, and the key that no event has."""
        seal_id, seal = self._seals.prepare(
            reseller=operation.meta.reseller, purpose=SEAL_PURPOSE, secret=form["password"], now=now
        )
        mail = Mail(
            to=form["mail_to"],
            subject="Your Microsoft 365 account",
            text=(
                f"An account was made for {form['display_name']}.\n\n"
                f"Sign in as {form['user_principal_name']} at https://www.office.com.\n\n"
                f"{self._seals.invitation(self._public_url, seal_id)}"
            ),
            key=operation.id,
            at=now,
        )
        return [seal, self._mail.enqueue(reseller=operation.meta.reseller, mail=mail)]

    async def _payload(self, reseller: str, operation_id: str) -> dict[str, Any]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select sealed_payload from open_operations where reseller_id = %s and operation_id = %s",
                [reseller, operation_id],
            )
            row = await cursor.fetchone()
        if row is None or row["sealed_payload"] is None:
            raise ValueError(f"operation {operation_id} has no form any more")
        form: dict[str, Any] = json.loads(
            self._box.open(bytes(row["sealed_payload"]), f"operation/{operation_id}")
        )
        return form

    async def changed(self, operation: Operation, answered: Answered) -> Facts:
        """The fact of a change on an existing user; none where the row shows it already."""
        user_id = operation.target["user_id"]
        reseller = operation.meta.reseller
        user = await self._directory.user(service_scope(reseller, "identity-sync"), user_id)
        if user is None:
            raise ValueError(f"operation {operation.id} is for an unknown user")
        history = await self._store.load(user_id)
        now = self._clock.now()
        version = len(history) + 1
        data, also = _change(operation, user.sku_ids, user.status, version)
        if data is None:
            return Facts(resources=[user_id])
        meta = _meta(operation, answered.at or now, now, history)
        return Facts(
            events=[Recorded(stream=user_id, version=version, data=data, meta=meta)],
            also=[also] if also else [],
            resources=[user_id],
        )


def _change(
    operation: Operation, held: Sequence[str], status: str, version: int
) -> tuple[Any | None, Also | None]:
    target, reseller = operation.target, operation.meta.reseller
    user_id, tenant_id = target["user_id"], target["tenant_id"]
    match operation.kind:
        case "user.assign_licence":
            if target["sku_id"] in held:
                return None, None
            return (
                LicenseAssigned(user_id=user_id, tenant_id=tenant_id, sku_id=target["sku_id"]),
                change_skus(user_id, reseller, version, add=target["sku_id"], remove=None),
            )
        case "user.unassign_licence":
            if target["sku_id"] not in held:
                return None, None
            return (
                LicenseUnassigned(user_id=user_id, tenant_id=tenant_id, sku_id=target["sku_id"]),
                change_skus(user_id, reseller, version, add=None, remove=target["sku_id"]),
            )
        case "user.delete":
            if status == "deleted":
                return None, None
            return (
                UserDeleted(user_id=user_id, tenant_id=tenant_id),
                change_user(user_id, reseller, version, status="deleted", sku_ids=[]),
            )
        case "user.restore":
            if status == "active":
                return None, None
            return (
                UserRestored(user_id=user_id, tenant_id=tenant_id),
                change_user(user_id, reseller, version, status="active"),
            )
        case kind:
            raise ValueError(f"operation kind {kind!r} is not known here")


def _meta(
    operation: Operation, effective_at: datetime, now: datetime, history: Sequence[Recorded[Any]]
) -> Meta:
    recorded = max([now, operation.meta.recorded_at, *(event.meta.recorded_at for event in history)])
    return replace(operation.meta, effective_at=effective_at, recorded_at=recorded, causation_id=operation.id)
