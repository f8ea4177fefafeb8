import pytest

from csp_partner_center import errors
from csp_partner_center.errors import Refusal, error_of
from csp_partner_center.refusals import refusal_of


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "2055", errors.Changed),
        (412, None, errors.Changed),
        (404, "400019", errors.Changed),
        (403, "13605", errors.AgreementMissing),
        (403, "20002", errors.RelationshipMissing),
        (404, "20002", errors.RelationshipMissing),
        (403, "900308", errors.RightsMissing),
        (401, "900420", errors.RightsMissing),
        (401, None, errors.NotAuthenticated),
        (403, None, errors.Forbidden),
        (404, "20003", errors.NotFound),
        (409, "900278", errors.Busy),
        (400, "800090", errors.WindowClosed),
        (400, "600061", errors.AlreadyExists),
        (400, "900275", errors.Invalid),
        (400, "900277", errors.Invalid),
        (400, "900224", errors.NotFound),
        (422, None, errors.Invalid),
        (429, None, errors.Throttled),
        (408, None, errors.ServiceFailed),
        (500, "800003", errors.ServiceFailed),
        (503, None, errors.ServiceFailed),
        (302, None, errors.ServiceFailed),
    ],
)
def test_status_first_then_code(status: int, code: str | None, expected: type[errors.PartnerCenterError]):
    assert type(error_of("op", Refusal(status=status, code=code))) is expected


def test_a_conflict_over_a_name_is_told_from_one_over_a_pending_change():
    taken = error_of("customers.create", Refusal(status=409, code="1"))
    pending = error_of("customers.subscriptions.update", Refusal(status=409, code="1"))
    assert (type(taken), type(pending)) == (errors.AlreadyExists, errors.Busy)


@pytest.mark.parametrize(
    ("code", "expected"), [("600005", errors.AlreadyExists), ("900278", errors.Busy), ("77", errors.Busy)]
)
def test_changing_a_user_meets_a_taken_name_only_where_the_code_says_so(
    code: str, expected: type[errors.PartnerCenterError]
):
    assert type(error_of("customers.users.update", Refusal(status=409, code=code))) is expected


def test_every_error_says_what_may_be_concluded():
    leaves = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PartnerCenterError)
    ]
    branches = (errors.NotDone, errors.Refused, errors.OutcomeUnknown)
    assert all(
        sum(issubclass(kind, branch) for branch in branches) == 1
        for kind in leaves
        if kind is not errors.PartnerCenterError
    )
    codes = [kind.code for kind in leaves]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"code": 800090, "description": "no", "data": ["x"], "source": "P"}', ("800090", "no", ("x",))),
        (b'{"code": "2055", "description": "no"}', ("2055", "no", ())),
        (b'{"code": 600061, "message": "no", "errorName": "E", "isRetryable": false}', ("600061", "no", ())),
        (b'{"statusCode": 429, "message": "slow"}', (None, "slow", ())),
        (b'{"error": {"code": "Request_BadRequest", "message": "no"}}', ("Request_BadRequest", "no", ())),
        (b'\xef\xbb\xbf{"Code": 1, "Description": "no"}', ("1", "no", ())),
        (b"<html>oops</html>", (None, None, ())),
        (b"", (None, None, ())),
        (b"[]", (None, None, ())),
        (b'{"code": 1, "data": [{"a": 1}, "b"]}', ("1", None, ("b",))),
    ],
)
def test_all_shapes_of_error_bodies_are_read(
    body: bytes, expected: tuple[str | None, str | None, tuple[str, ...]]
):
    found = refusal_of(400, body)
    assert (found.code, found.description, found.data) == expected


def test_microsofts_text_is_for_the_person_who_asked_and_not_for_logs():
    error = error_of(
        "customers.users.create", Refusal(status=400, code="1", description="jane@contoso.com is weak")
    )
    assert "jane" not in str(error)
    assert error.description == "jane@contoso.com is weak"
