"""What a bearer token gives, and what is no token of ours."""

from datetime import timedelta

import jwt
import pytest

from csp_runtime.auth import DevelopmentIssuer, RememberingVerifier
from csp_runtime.problems import Problem
from csp_runtime.scope import Role


@pytest.fixture
def issuer(tmp_path):
    return DevelopmentIssuer(tmp_path)


async def test_a_token_gives_the_scope_it_was_issued_for(issuer):
    token = issuer.issue(reseller="res_a", role=Role.CUSTOMER_ADMIN, customer="cus_a")
    scope = await issuer.verify(token)
    assert (scope.reseller, scope.customer, scope.roles) == ("res_a", "cus_a", {Role.CUSTOMER_ADMIN})
    assert scope.is_customer


async def test_the_key_survives_a_restart(issuer, tmp_path):
    token = issuer.issue(reseller="res_a", role=Role.RESELLER_ADMIN)
    assert (await DevelopmentIssuer(tmp_path).verify(token)).reseller == "res_a"


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
async def test_what_is_no_token_is_refused(issuer, token):
    with pytest.raises(Problem, match="not valid"):
        await issuer.verify(token)


async def test_a_token_of_another_issuer_or_past_its_end_is_refused(issuer, tmp_path):
    foreign = DevelopmentIssuer(tmp_path / "other").issue(reseller="res_a", role=Role.RESELLER_ADMIN)
    ended = issuer.issue(reseller="res_a", role=Role.RESELLER_ADMIN, lifetime=timedelta(seconds=-1))
    for token in (foreign, ended):
        with pytest.raises(Problem, match="not valid"):
            await issuer.verify(token)


async def test_a_customers_token_without_a_customer_is_refused(issuer):
    with pytest.raises(Problem, match="names no customer"):
        await issuer.verify(issuer.issue(reseller="res_a", role=Role.CUSTOMER_ADMIN))


class Counting:
    def __init__(self, issuer):
        self.issuer = issuer
        self.asked = 0

    async def verify(self, token):
        self.asked += 1
        return await self.issuer.verify(token)


async def test_a_token_is_verified_once_and_a_refused_one_every_time(issuer):
    counting = Counting(issuer)
    verifier = RememberingVerifier(counting)
    token = issuer.issue(reseller="res_a", role=Role.RESELLER_ADMIN)
    assert await verifier.verify(token) == await verifier.verify(token)
    assert counting.asked == 1
    for _ in range(2):
        with pytest.raises(Problem):
            await verifier.verify("a.b.c")
    assert counting.asked == 3


async def test_a_remembered_token_ends_when_it_ends(issuer, monkeypatch):
    verifier = RememberingVerifier(issuer)
    token = issuer.issue(reseller="res_a", role=Role.RESELLER_ADMIN, lifetime=timedelta(seconds=5))
    await verifier.verify(token)
    ends = jwt.decode(token, options={"verify_signature": False})["exp"]
    assert verifier._known[token][0] <= ends
