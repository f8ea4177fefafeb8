"""The first synchronisation of an existing book: interrupted and taken up again, it repeats next to nothing."""

import asyncio
import contextlib
from collections import Counter

import httpx
import pytest

from csp_partner_feed import service
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Wish


def worker_of(built, name: str):
    return next(worker for found, worker in built.workers if found == name)


@pytest.fixture
async def book(stopped_feed, known_credentials):
    """Sixteen customers that were there before us."""
    for number in range(12):
        await stopped_feed.act(
            "create_customer",
            company_name=f"Old {number}",
            domain=f"old{number}.onmicrosoft.com",
            country="US",
        )
    await stopped_feed.client.save_credentials(known_credentials(stopped_feed.partner))
    await stopped_feed.control("DELETE", "/requests")
    return stopped_feed


async def test_a_killed_process_leaves_the_next_one_what_is_left_to_do(book):
    first = book.service
    await worker_of(first, "lister").step()
    for _ in range(5):
        assert await worker_of(first, "synchroniser").step()
    dying = asyncio.create_task(worker_of(first, "synchroniser").step())
    await asyncio.sleep(0)
    dying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await dying

    second = service.build(book.platform, book.client, book.settings)
    for database in second.databases:
        await database.open()
    try:
        await worker_of(second, "lister").step()
        while await worker_of(second, "synchroniser").step():
            pass
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(second.app), base_url="http://feed"
        ) as client:
            status = (await client.get("/internal/v1/sync/status", headers=book.token())).json()
    finally:
        for database in second.databases:
            await database.close()
        second.store.close()
        await second.stop()

    lists = Counter(each["customer_id"] for each in await book.requests("customers.subscriptions.list"))
    assert len(lists) == 16
    assert sum(lists.values()) <= 17
    first_sync = status["first_synchronisation"]
    assert (first_sync["done"], first_sync["customers"], first_sync["is_listed"]) == (16, 16, True)
    assert first_sync["finished_at"] is not None
    tenants = [each.microsoft_id for each in await book.observed(resource="tenant")]
    assert len(tenants) == len(set(tenants)) == 16


async def test_a_list_that_breaks_in_the_middle_goes_on_at_its_token(book):
    """The page size is ours to choose; a second page that fails leaves the first one taken down, with the token to go on."""
    first_syncs = worker_of(book.service, "lister")._first_syncs
    customers = book.client.as_reseller("res_north").customers
    await first_syncs.start("res_north", book.clock.now())
    async for page in customers.pages(size=5):
        await first_syncs.listed_to("res_north", page.continuation, book.clock.now())
        break
    started = await first_syncs.start("res_north", book.clock.now())
    assert not started.is_listed
    assert started.continuation == page.continuation
    rest = [
        each.id async for more in customers.pages(continuation=started.continuation) for each in more.items
    ]
    assert len(rest) == 11
    assert not set(rest) & {each.id for each in page.items}


async def test_customers_are_usable_after_the_first_ones_were_read(book):
    await worker_of(book.service, "lister").step()
    await worker_of(book.service, "synchroniser").step()
    (tenant,) = await book.observed(resource="tenant")
    assert tenant.is_first_synchronisation


async def test_what_is_told_of_a_book_before_its_list_was_read_is_imported_all_the_same(book):
    partner = book.client.as_reseller("res_north")
    customers = [each.id async for page in partner.customers.pages() for each in page.items]
    owned = {each: (await partner.subscriptions.of_customer(each)).items for each in customers}
    customer, subscription = next((each, found[0].id) for each, found in owned.items() if found)
    wish = Wish(
        reseller="res_north",
        resource=Resource.SUBSCRIPTION,
        microsoft_tenant_id=customer,
        microsoft_id=subscription,
        channel=Channel.WEBHOOK,
        due_at=book.clock.now(),
    )
    reader = worker_of(book.service, "reader-0")
    await reader._reads.want([wish])

    assert await reader.step()
    assert await book.observed(resource="subscription") == []

    await worker_of(book.service, "lister").step()
    while await worker_of(book.service, "synchroniser").step():
        pass
    (told,) = await book.observed(microsoft_id=subscription)
    assert told.is_first_synchronisation
    assert told.state["billing_from"] is not None
