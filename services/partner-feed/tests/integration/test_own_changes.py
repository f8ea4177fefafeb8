"""What we made and Microsoft never showed us is missed when it is gone, whichever log told of it first."""

from datetime import timedelta
from uuid import uuid4

import pytest

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.identity_sync_v1 import UserCreated
from csp_contracts.ids import Kind, named_id
from csp_contracts.provisioning_v1 import TenantCreated
from csp_partner_feed.projections import OwnChanges

RESELLER = "res_north"


def told(feed, stream: str, data):
    now = feed.clock.now()
    meta = Meta(reseller=RESELLER, partition_key=stream, effective_at=now, recorded_at=now)
    return Recorded(stream=stream, version=1, data=data, meta=meta)


async def hear(feed, *events) -> None:
    async with feed.database.transaction() as tx:
        await OwnChanges(feed.clock, timedelta(0)).project(tx, events)


def tenant_created(feed, microsoft_id: str) -> Recorded:
    tenant = named_id(Kind.TENANT, RESELLER, microsoft_id)
    data = TenantCreated(
        tenant_id=tenant,
        customer_id="cus_any",
        microsoft_tenant_id=microsoft_id,
        domain="anyearly.onmicrosoft.com",
        company_name="Any Early",
        country="US",
    )
    return told(feed, tenant, data)


async def test_a_tenant_of_ours_that_is_nowhere_has_left(feed):
    await feed.settled()
    nowhere = str(uuid4())
    await hear(feed, tenant_created(feed, nowhere))
    (seen,) = await feed.eventually(resource="tenant", microsoft_id=nowhere)
    assert seen.state is None


@pytest.mark.parametrize("user_first", [True, False])
async def test_a_user_of_ours_that_is_gone_is_missed_whichever_log_is_ahead(feed, user_first):
    await feed.settled()
    made = await feed.act("create_customer", company_name="Any Early", domain="anyearly", country="US")
    tenant, nobody = made["customer_id"].lower(), str(uuid4())
    user = named_id(Kind.USER, RESELLER, nobody)
    events = [
        told(
            feed,
            user,
            UserCreated(
                user_id=user,
                tenant_id=named_id(Kind.TENANT, RESELLER, tenant),
                microsoft_user_id=nobody,
            ),
        ),
        tenant_created(feed, tenant),
    ]
    for event in events if user_first else reversed(events):
        await hear(feed, event)
    (seen,) = await feed.eventually(resource="user", microsoft_id=nobody)
    assert seen.resource_id == user
    assert seen.state == {"is_deleted": True}
