"""What comes after the sale, through the client: notifications of a directory, delegated rights, scheduled migrations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from csp_partner_center.delegated_admin import RelationshipStatus, approval_link
from csp_partner_center.directory_notifications import LONGEST
from csp_partner_center.errors import Invalid, NotFound
from csp_partner_center.migrations_to_nce import MigrationWish
from csp_partner_center.orders import NewOrderLine

LICENCE_ADMINISTRATOR = "4d6ac14f-3453-41d0-bef9-a3e0c569773a"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"


async def now(partner) -> datetime:
    return datetime.fromisoformat((await partner.control("GET", "/clock"))["now"]).astimezone(UTC)


@asynccontextmanager
async def address(*, proves_itself: bool) -> AsyncIterator[str]:
    """An address of ours on loopback that gives the token of its query back, or something else."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        token = parse_qs(urlsplit(asked).query)["validationToken"][0] if proves_itself else "hello"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(token)}\r\nConnection: close\r\n\r\n"
        writer.write((head + token).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/graph"


async def test_pc_13_5_a_directory_tells_of_its_users_until_the_end_that_was_agreed(partner):
    tenant = await partner.customer()
    until = (await now(partner)) + timedelta(days=1)
    notifications = partner.reseller.directory_notifications
    async with address(proves_itself=True) as url:
        made = await notifications.subscribe(
            tenant, url=url, client_state="state", until=until, ids=partner.ids()
        )
    assert (made.value.resource, made.value.expiration_date_time) == ("users", until)
    renewed = await notifications.renew(tenant, made.value.id, until + timedelta(days=5), partner.ids())
    assert renewed.value.expiration_date_time == until + timedelta(days=5)
    await notifications.reauthorize(tenant, made.value.id, partner.ids())
    assert [each.id for each in await notifications.of_directory(tenant)] == [made.value.id]
    with pytest.raises(Invalid):
        await notifications.renew(tenant, made.value.id, until + LONGEST, partner.ids())
    await notifications.end(tenant, made.value.id, partner.ids())
    assert await notifications.of_directory(tenant) == []


async def test_pc_13_5_an_address_that_does_not_prove_itself_is_told_nothing(partner):
    tenant = await partner.customer()
    until = (await now(partner)) + timedelta(days=1)
    notifications = partner.reseller.directory_notifications
    async with address(proves_itself=False) as url:
        with pytest.raises(Invalid):
            await notifications.subscribe(
                tenant, url=url, client_state="state", until=until, ids=partner.ids()
            )
    assert await notifications.of_directory(tenant) == []


async def test_pc_3_6_delegated_rights_are_asked_for_approved_and_given_to_a_group(partner):
    tenant = await partner.customer()
    admin = partner.reseller.delegated_admin
    roles = [LICENCE_ADMINISTRATOR, USER_ADMINISTRATOR]
    made = (
        await admin.create(name="North: users", tenant_id=tenant, roles=roles, days=90, ids=partner.ids())
    ).value
    assert (made.status, made.duration) == (RelationshipStatus.CREATED, "P90D")
    await admin.ask_for_approval(made.id, partner.ids())
    assert made.id in approval_link(made.id)
    assert (await admin.get(made.id)).value.status is RelationshipStatus.APPROVAL_PENDING
    await partner.act("approve_gdap", who="customer_admin", customer_id=tenant, relationship_id=made.id)
    active = (await admin.get(made.id)).value
    assert active.status is RelationshipStatus.ACTIVE
    assert active.customer is not None
    assert active.customer.tenant_id == tenant
    given = await admin.assign(
        made.id, "11111111-0000-4000-8000-000000000000", [USER_ADMINISTRATOR], partner.ids()
    )
    assert [each.id for each in await admin.assignments(made.id)] == [given.value.id]
    assert made.id in {each.id for each in await admin.relationships()}
    await admin.terminate(made.id, partner.ids())
    assert (await admin.get(made.id)).value.status is RelationshipStatus.TERMINATED


async def test_pc_6_10_a_migration_is_scheduled_changed_and_taken_back(partner):
    customer = await partner.customer()
    line = NewOrderLine(line_item_number=0, offer_id="796b6b5f-613c-4e24-a17c-eba730d49c02", quantity=4)
    bought = await partner.reseller.orders.create(customer, [line], "monthly", partner.ids())
    subscription = bought.value.line_items[0].subscription_id
    assert subscription is not None
    wish = MigrationWish(current_subscription_id=subscription, term_duration="P1Y", billing_cycle="Monthly")
    schedules = partner.reseller.migration_schedules
    on = (await now(partner)).replace(microsecond=0) + timedelta(days=60)
    made = (await schedules.create(customer, wish, on, partner.ids())).value
    assert (made.current_subscription_id, made.target_date, made.status) == (subscription, on, "Active")
    changed = (await schedules.change(customer, made.id, wish, None, partner.ids())).value
    assert (changed.migrate_on_renewal, changed.target_date) == (True, None)
    assert [each.id for each in await schedules.of_customer(customer)] == [made.id]
    assert (await schedules.cancel(customer, made.id, partner.ids())).value.status == "Cancelled"
    assert (await schedules.get(customer, made.id)).value.status == "Cancelled"
    with pytest.raises(Invalid):
        await schedules.cancel(customer, made.id, partner.ids())
    with pytest.raises(NotFound):
        await schedules.get(customer, "00000000-0000-4000-8000-000000000000")
