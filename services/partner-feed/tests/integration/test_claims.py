"""What a process has taken up it holds as long as it works on it; what a killed one leaves behind waits for seconds, not minutes."""

import asyncio

import pytest

from csp_partner_feed.adapters.claims import CLAIM_SECONDS
from csp_partner_feed.adapters.reads import Reads
from csp_partner_feed.adapters.tenants import TenantRows
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Wish
from csp_partner_feed.workers import lease
from csp_testing.probe import eventually

KINDS = ["synchroniser", "directory", "reader-0"]
COLUMNS = {
    "synchroniser": ("tenants", "compare_claimed_until"),
    "directory": ("tenants", "delta_claimed_until"),
    "reader-0": ("reads", "claimed_until"),
}
CALLS = {
    "synchroniser": "customers.subscriptions.list",
    "directory": "graph.users.delta",
    "reader-0": "customers.get",
}


def worker_of(feed, name):
    return next(worker for found, worker in feed.service.workers if found == name)


@pytest.fixture
async def known(stopped_feed, known_credentials):
    """A feed that knows its customers, has read them, and has something to do for each kind of worker."""
    await stopped_feed.client.save_credentials(known_credentials(stopped_feed.partner))
    await worker_of(stopped_feed, "lister").step()
    while await worker_of(stopped_feed, "synchroniser").step():
        pass
    tenants = TenantRows(stopped_feed.database, stopped_feed.platform.box)
    customer = min(await tenants.known("res_north"))
    await tenants.refresh("res_north", None, stopped_feed.clock.now())
    wish = Wish(
        reseller="res_north", resource=Resource.TENANT, microsoft_tenant_id=customer, microsoft_id=customer,
        channel=Channel.WEBHOOK, due_at=stopped_feed.clock.now(),
    )  # fmt: skip
    await Reads(stopped_feed.database).want([wish])
    return stopped_feed


async def left(feed, kind):
    """Seconds that the claims of a kind still hold."""
    table, column = COLUMNS[kind]
    async with feed.database.connection() as connection:
        cursor = await connection.execute(
            f"select extract(epoch from max({column}) - now())::float as seconds from {table}"
        )
        row = await cursor.fetchone()
    return row["seconds"]


async def cut(feed, kind, seconds):
    table, column = COLUMNS[kind]
    async with feed.database.connection() as connection:
        await connection.execute(
            f"update {table} set {column} = now() + make_interval(secs => %s) where {column} is not null",
            [seconds],
        )


async def slow(feed, kind):
    fault = {"operation": CALLS[kind], "kind": "slow", "count": 1, "delay_seconds": 30}
    await feed.control("POST", "/faults", fault)
    working = asyncio.create_task(worker_of(feed, kind).step())

    async def claimed():
        return (await left(feed, kind) or 0) > 0

    await eventually(claimed, what="a claim")
    return working


async def stop(working):
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


@pytest.mark.parametrize("kind", KINDS)
async def test_a_claim_is_renewed_while_the_work_lasts(known, monkeypatch, kind):
    monkeypatch.setattr(lease, "_RENEWED_EVERY", 0.05)
    working = await slow(known, kind)
    await cut(known, kind, 5)

    async def renewed():
        return await left(known, kind) > CLAIM_SECONDS - 2

    await eventually(renewed, what="a renewed claim")
    await stop(working)
    assert await left(known, kind) < 1


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_killed_process_had_taken_up_is_free_within_twenty_seconds(known, kind):
    working = await slow(known, kind)
    assert await left(known, kind) <= CLAIM_SECONDS == 20
    # As if it were dead: it never renews, and the claim runs out.
    await cut(known, kind, -1)
    taken_up = 0
    while await worker_of(known, kind).step():
        taken_up += 1
    assert taken_up == (1 if kind == "reader-0" else 4)
    await stop(working)


async def test_a_claim_that_was_taken_back_is_not_renewed(known):
    tenants = TenantRows(known.database, known.platform.box)
    due = await tenants.claim_comparison(known.clock.now())
    await tenants.refresh("res_north", None, known.clock.now())
    await tenants.renew(due)
    again = {due.microsoft_tenant_id}
    while (other := await tenants.claim_comparison(known.clock.now())) is not None:
        again.add(other.microsoft_tenant_id)
        if other.microsoft_tenant_id == due.microsoft_tenant_id:
            return
    pytest.fail(f"{due.microsoft_tenant_id} could not be claimed again, only {again}")


async def test_a_lease_is_not_renewed_after_its_work(monkeypatch):
    monkeypatch.setattr(lease, "_RENEWED_EVERY", 0.01)
    renewals = 0

    async def renew():
        nonlocal renewals
        renewals += 1
        if renewals == 1:
            raise OSError  # an outage is waited out

    async with lease.kept(renew):
        await eventually(lambda: renewals >= 3, what="three renewals")
    seen = renewals
    for _ in range(50):
        await asyncio.sleep(0)
    assert renewals == seen
