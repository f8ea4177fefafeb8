"""An operation tells who asked for it and why, how its steps fare, until when it may be, and what came of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from csp_contracts.ids import uuid_of
from csp_contracts.operations_v1 import (
    OperationPostponed,
    OperationRejected,
    OperationSubmitted,
    OperationUncertain,
)
from csp_gateway.projections import Screens
from csp_testing.screens import NOW, OPERATION, STREAMS, SUBSCRIPTION, stream

REQUESTED, SUBMITTED, PROGRESSED, SUCCEEDED = STREAMS[-1]
LATER = NOW + timedelta(minutes=9)


def begun(**data):
    """An operation as its stream begins, told by a person with a reason and a ticket."""
    meta = replace(
        REQUESTED.meta,
        actor="usr_ada",
        reason="3 starters",
        ticket="INC-7",
        correlation_id="c1",
        origin="portal",
    )
    return replace(REQUESTED, data=replace(REQUESTED.data, **data), meta=meta)


@pytest.fixture
async def told(surfaces, worker):
    """The operation as both surfaces show it, once these facts are all that is known of it."""

    async def tell(*facts):
        events = [replace(each, version=version) for version, each in enumerate(facts, 1)]
        async with worker.transaction() as tx:
            await tx.execute("delete from operations")
            await Screens().project(tx, events)
        return [
            (await client.get(f"/operations/{OPERATION}")).json()
            for client in (surfaces["reseller"][1], surfaces["customer"][1])
        ]

    return tell


def later(data):
    return stream(OPERATION, data)[0]


async def test_it_says_who_asked_and_why_and_what_to_look_for_at_microsoft(told):
    shown, _ = await told(begun(deadline_at=LATER))
    names = ("requested_by", "reason", "ticket", "correlation_id", "origin", "deadline_at", "result")
    assert [shown[name] for name in names] == [
        "usr_ada", "3 starters", "INC-7", "c1", "portal", "2026-03-05T09:09:00.000000Z", None,
    ]  # fmt: skip
    assert shown["external_refs"] == {"microsoft_correlation_id": str(uuid_of(OPERATION))}


async def test_a_step_that_is_throttled_says_how_often_it_was_tried_and_when_it_is_tried_again(told):
    shown, _ = await told(
        begun(),
        SUBMITTED,
        *(
            later(
                OperationPostponed(
                    operation_id=OPERATION,
                    step="change",
                    tries=tries,
                    because="microsoft-throttled",
                    next_attempt_at=LATER,
                )
            )
            for tries in (1, 2)
        ),
    )
    assert shown["status"] == "waiting_upstream"
    assert shown["steps"] == [
        {
            "name": "change",
            "status": "waiting_upstream",
            "attempts": 2,
            "next_attempt_at": "2026-03-05T09:09:00Z",
            "last_problem": {"code": "upstream_throttled", "detail": "microsoft-throttled"},
        }
    ]


async def test_a_step_whose_answer_was_lost_says_so_until_it_is_sent_again(told):
    lost = OperationUncertain(
        operation_id=OPERATION, step="change", attempt=1, because="microsoft-no-answer", next_attempt_at=LATER
    )
    again = OperationSubmitted(operation_id=OPERATION, step="change", attempt=2, request_id="r2")
    (step,) = (await told(begun(), SUBMITTED, later(lost)))[0]["steps"]
    assert (step["attempts"], step["last_problem"]["code"]) == (1, "upstream_unavailable")
    (step,) = (await told(begun(), SUBMITTED, later(lost), later(again)))[0]["steps"]
    assert (step["attempts"], step["status"], step["next_attempt_at"]) == (2, "running", None)
    assert step["last_problem"]["code"] == "upstream_unavailable", "what went wrong last stays known"


async def test_its_result_names_what_it_made_and_where_each_surface_shows_it(told):
    reseller, customer = await told(begun(), SUBMITTED, PROGRESSED, SUCCEEDED)
    for shown, surface in ((reseller, "/v1"), (customer, "/portal/v1")):
        subscription = f"{surface}/subscriptions/{SUBSCRIPTION}"
        assert shown["result"] == {"resources": [{"id": SUBSCRIPTION, "href": subscription}]}
        itself = f"{surface}/operations/{OPERATION}"
        assert shown["links"] == {"self": itself, "events": f"{itself}/events", "subject": subscription}
        assert [step["status"] for step in shown["steps"]] == ["succeeded"]


async def test_what_was_not_sent_before_its_deadline_has_expired(told):
    refused = OperationRejected(operation_id=OPERATION, code="deadline-passed", title="Too late")
    shown, _ = await told(begun(deadline_at=LATER), later(refused))
    assert (shown["status"], shown["problem"]["code"], shown["result"]) == (
        "expired",
        "deadline_passed",
        None,
    )
