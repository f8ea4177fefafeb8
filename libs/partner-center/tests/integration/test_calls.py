"""What a call does on its way: headers, repetitions, tokens, conclusions. Against a real PostgreSQL."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from csp_partner_center import RequestIds, Reseller, Secret
from csp_partner_center.calls import Call
from csp_partner_center.customers import NewCustomer
from csp_partner_center.domains import Address
from csp_partner_center.errors import (
    AlreadyExists,
    BreakerOpen,
    ConsentRequired,
    CredentialsRejected,
    NoAnswer,
    NotAuthenticated,
    NotConnected,
    ServiceFailed,
    Throttled,
    UnreadableAnswer,
)
from csp_partner_center.subscriptions import changing_quantity
from csp_partner_center.users import NewUser, PasswordProfile

CUSTOMER = "aaaaaaaa-0000-4000-8000-00000000000a"
SUBSCRIPTION = "bbbbbbbb-0000-4000-8000-00000000000b"
AS_READ = {
    "id": SUBSCRIPTION,
    "offerId": "P:0001:A",
    "quantity": 5,
    "autoRenewEnabled": True,
    "status": "active",
    "attributes": {"etag": "v1"},
}
Say = Callable[..., httpx.Response]

NEW_CUSTOMER = NewCustomer(
    domain="north.onmicrosoft.com",
    company_name="North",
    email="it@north.example",
    address=Address(
        country="US", address_line1="1 Main Street", city="Bellevue", state="WA", postal_code="98004"
    ),
)


async def test_every_call_carries_what_microsoft_asks_for(
    reseller: Reseller, microsoft, say: Say, ids: RequestIds
):
    microsoft.answers(say(200, AS_READ), say(200, AS_READ))
    current = (await reseller.subscriptions.get(CUSTOMER, SUBSCRIPTION)).value
    await reseller.subscriptions.send(changing_quantity(CUSTOMER, current, 8), ids)
    sent = microsoft.requests[1]
    assert sent.url == f"http://127.0.0.1:8787/v1/customers/{CUSTOMER}/subscriptions/{SUBSCRIPTION}"
    assert sent.headers["Authorization"] == "Bearer access-1"
    assert sent.headers["MS-RequestId"] == str(ids.request_id)
    assert sent.headers["MS-CorrelationId"] == str(ids.correlation_id)
    assert sent.headers["MS-Contract-Version"] == "v1"
    assert sent.headers["Accept"] == "application/json"
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["X-Locale"] == "en-US"
    assert sent.headers["If-Match"] == '"v1"'


async def test_the_answer_tells_when_it_was_given(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(200, AS_READ))
    answer = await reseller.subscriptions.get(CUSTOMER, SUBSCRIPTION)
    assert answer.answered_at == datetime(2026, 3, 5, 10, 15, 30, tzinfo=UTC)


async def test_an_accepted_change_is_not_settled_with_or_without_a_body(
    reseller: Reseller, microsoft, say: Say, ids: RequestIds
):
    microsoft.answers(
        say(200, AS_READ), say(202, None, Location="/customers/c/subscriptions/s"), say(202, AS_READ)
    )
    current = (await reseller.subscriptions.get(CUSTOMER, SUBSCRIPTION)).value
    bare = await reseller.subscriptions.send(changing_quantity(CUSTOMER, current, 8), ids)
    full = await reseller.subscriptions.send(changing_quantity(CUSTOMER, current, 8), ids)
    assert (bare.is_settled, bare.value, bare.location) == (False, None, "/customers/c/subscriptions/s")
    assert not full.is_settled
    assert full.value is not None


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(408),
    ],
    ids=["timeout", "broken", "500", "503", "408"],
)
async def test_a_change_with_an_absolute_target_is_repeated_with_the_same_id_and_bytes(
    reseller: Reseller, microsoft, say: Say, ids: RequestIds, failure
):
    microsoft.answers(say(200, AS_READ), failure, say(200, {**AS_READ, "quantity": 8}))
    current = (await reseller.subscriptions.get(CUSTOMER, SUBSCRIPTION)).value
    answer = await reseller.subscriptions.send(changing_quantity(CUSTOMER, current, 8), ids)
    _, first, again = microsoft.requests
    assert answer.value is not None
    assert answer.value.quantity == 8
    assert (first.headers["MS-RequestId"], first.content) == (again.headers["MS-RequestId"], again.content)


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("x"), httpx.Response(500), httpx.Response(504)])
async def test_a_creation_is_never_repeated_by_the_client(
    reseller: Reseller, microsoft, ids: RequestIds, failure
):
    microsoft.answers(failure)
    with pytest.raises((NoAnswer, ServiceFailed)) as raised:
        await reseller.customers.create(NEW_CUSTOMER, ids)
    assert len(microsoft.requests) == 1
    assert raised.value.request_id == str(ids.request_id)


async def test_a_creation_that_never_left_is_repeated(
    reseller: Reseller, microsoft, say: Say, ids: RequestIds
):
    microsoft.answers(httpx.ConnectError("x"), say(201, {"id": CUSTOMER}))
    assert (await reseller.customers.create(NEW_CUSTOMER, ids)).value.customer.id == CUSTOMER


async def test_throttling_is_waited_out_exactly_with_fractions(
    reseller: Reseller, microsoft, say: Say, clock, ids: RequestIds
):
    microsoft.answers(say(429, {"statusCode": 429}, **{"Retry-After": "2.128"}), say(201, {"id": CUSTOMER}))
    await reseller.customers.create(NEW_CUSTOMER, ids)
    assert 2.128 in clock.slept
    assert len({sent.headers["MS-RequestId"] for sent in microsoft.requests}) == 1


async def test_throttling_beyond_the_deadline_is_told_with_the_time_to_wait(
    reseller: Reseller, microsoft, say: Say
):
    microsoft.answers(say(429, None, **{"Retry-After": "500"}))
    with pytest.raises(Throttled) as raised:
        await reseller.customers.get(CUSTOMER)
    assert raised.value.retry_after == 500.0


async def test_a_refused_token_is_renewed_once(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(401, None), say(200, {"id": CUSTOMER}))
    await reseller.customers.get(CUSTOMER)
    assert [sent.headers["Authorization"] for sent in microsoft.requests] == [
        "Bearer access-1",
        "Bearer access-2",
    ]


async def test_a_refused_fresh_token_is_an_error(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(401, None), say(401, {"code": 800001}))
    with pytest.raises(NotAuthenticated):
        await reseller.customers.get(CUSTOMER)


async def test_truncated_json_is_read_again_and_then_unknown(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(200, b'{"id": "x"'), say(200, {"id": CUSTOMER}))
    assert (await reseller.customers.get(CUSTOMER)).value.id == CUSTOMER
    microsoft.answers(*[say(200, b"<html>") for _ in range(20)])
    with pytest.raises(UnreadableAnswer):
        await reseller.customers.get(CUSTOMER)


async def test_a_service_that_keeps_failing_is_left_alone(reseller: Reseller, microsoft, say: Say, clock):
    microsoft.answers(*[say(503, None) for _ in range(40)])
    for _ in range(4):
        with pytest.raises((ServiceFailed, BreakerOpen)):
            await reseller.customers.get(CUSTOMER)
    sent = len(microsoft.requests)
    with pytest.raises(BreakerOpen) as raised:
        await reseller.customers.get(CUSTOMER)
    assert len(microsoft.requests) == sent
    assert raised.value.retry_after > 0
    await clock.sleep(30.0)
    microsoft.script = [say(200, {"id": CUSTOMER})]
    assert (await reseller.customers.get(CUSTOMER)).value.id == CUSTOMER


async def test_a_slow_answer_ends_at_the_deadline(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(200, {"id": CUSTOMER}))
    await reseller.customers.get(CUSTOMER)  # a token is there

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    microsoft.answers(never)
    with pytest.raises(NoAnswer):
        await reseller.session.send(
            Call(operation="customers.create", method="POST", path="/customers", deadline=0.05)
        )


async def test_a_dead_refresh_token_asks_for_a_person_and_is_not_tried_again(reseller: Reseller, microsoft):
    microsoft.token_answers.append(
        httpx.Response(
            400,
            json={
                "error": "invalid_grant",
                "error_description": "AADSTS700082: expired, user jane@north.example",
            },
        )
    )
    with pytest.raises(ConsentRequired) as raised:
        await reseller.users.get(CUSTOMER, "u")
    assert "AADSTS700082" in str(raised.value)
    assert "jane" not in str(raised.value)
    asked = len(microsoft.token_requests)
    with pytest.raises(ConsentRequired):
        await reseller.users.get(CUSTOMER, "u")
    assert len(microsoft.token_requests) == asked


async def test_a_customers_directory_that_refuses_does_not_end_the_partners_sign_in(
    reseller: Reseller, microsoft, say: Say
):
    microsoft.token_answers.append(
        httpx.Response(400, json={"error": "invalid_grant", "error_codes": [65001]})
    )
    with pytest.raises(ConsentRequired, match="no consent"):
        await reseller.graph.user(CUSTOMER, "u")
    microsoft.answers(say(200, {"id": "u"}))
    assert (await reseller.users.get(CUSTOMER, "u")).value.id == "u"


async def test_a_wrong_secret_is_named(reseller: Reseller, microsoft):
    microsoft.token_answers.append(
        httpx.Response(
            401, json={"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret"}
        )
    )
    with pytest.raises(CredentialsRejected, match="secret is wrong"):
        await reseller.customers.get(CUSTOMER)


async def test_a_token_service_that_is_down_is_not_connected(reseller: Reseller, microsoft, say: Say):
    microsoft.token_answers += [httpx.Response(503), httpx.Response(503)]
    microsoft.answers(say(200, {"id": CUSTOMER}))
    assert (await reseller.customers.get(CUSTOMER)).value.id == CUSTOMER
    microsoft.token_answers += [httpx.Response(503)] * 20
    with pytest.raises(NotConnected):
        await reseller.users.get(CUSTOMER, "u")


async def test_mfa_status_is_asked_for_and_surfaced(reseller: Reseller, partner_center, microsoft, say: Say):
    assert partner_center.is_mfa_compliant(reseller.session.reseller_id) is None
    microsoft.answers(say(200, {"id": "u"}, isMfaCompliant="false"))
    answer = await reseller.users.get(CUSTOMER, "u")
    assert microsoft.requests[0].headers["ValidateMfa"] == "true"
    assert answer.is_mfa_compliant is False
    assert partner_center.is_mfa_compliant(reseller.session.reseller_id) is False


async def test_a_taken_name_is_told(reseller: Reseller, microsoft, say: Say, ids: RequestIds):
    microsoft.answers(say(409, {"code": 1, "description": "A user with this name already exists."}))
    new = NewUser(
        user_principal_name="jane@north.example",
        display_name="Jane",
        password_profile=PasswordProfile(password=Secret("canary-password")),
    )
    with pytest.raises(AlreadyExists):
        await reseller.users.create(CUSTOMER, new, ids)


async def test_a_user_whose_name_somebody_else_has_now_is_never_restored(
    reseller: Reseller, microsoft, say: Say, ids: RequestIds
):
    microsoft.answers(say(409, {"code": 600005, "description": "Another user has the name now."}))
    with pytest.raises(AlreadyExists):
        await reseller.users.restore(CUSTOMER, "u", ids)


@pytest.mark.parametrize(("status", "taken"), [(200, True), (404, False)])
async def test_a_domain_is_taken_or_free_by_status_alone(
    reseller: Reseller, microsoft, say: Say, status, taken
):
    microsoft.answers(say(status, None))
    assert (await reseller.domains.is_taken("north.onmicrosoft.com")).value is taken
    assert microsoft.requests[0].method == "HEAD"


@pytest.mark.parametrize("name", ["", "north", "north..com", "a/b.com", "-x.com", "north.com/../x"])
async def test_what_is_no_domain_is_not_asked(reseller: Reseller, name: str):
    with pytest.raises(ValueError, match="domain"):
        await reseller.domains.is_taken(name)


async def test_any_other_status_is_no_answer_about_a_domain(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(*[say(500, None) for _ in range(9)])
    with pytest.raises(ServiceFailed):
        await reseller.domains.is_taken("north.onmicrosoft.com")


async def test_addresses_are_judged_by_old_and_new_answers(reseller: Reseller, microsoft, say: Say):
    address = NEW_CUSTOMER.address
    microsoft.answers(
        say(200, {"status": "InteractionRequired", "suggestedAddresses": []}), say(200, b"true")
    )
    assert not (await reseller.domains.validate_address(address)).value.is_acceptable
    assert (await reseller.domains.validate_address(address)).value.is_acceptable


async def test_the_first_password_is_handed_over_once_and_hidden(
    reseller: Reseller, microsoft, say: Say, ids: RequestIds
):
    body = {"id": CUSTOMER, "userCredentials": {"userName": "admin", "password": "canary-password"}}
    microsoft.answers(say(201, body), say(201, {"id": CUSTOMER, "userCredentials": {"userName": "admin"}}))
    first = await reseller.customers.create(NEW_CUSTOMER, ids)
    assert first.value.credentials is not None
    assert first.value.credentials.password == Secret("canary-password")
    assert "canary" not in repr(first)
    again = await reseller.customers.create(NEW_CUSTOMER, ids)
    assert again.value.credentials is not None
    assert again.value.credentials.password is None


async def test_a_call_that_was_cancelled_is_not_repeated_although_the_request_to_end_was_swallowed(
    reseller: Reseller, microsoft, say: Say
):
    async def swallow(_: httpx.Request) -> httpx.Response:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return say(503)

    microsoft.answers(swallow, say(200, AS_READ))
    reading = asyncio.create_task(reseller.subscriptions.get(CUSTOMER, SUBSCRIPTION))
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert len(microsoft.requests) == 1
