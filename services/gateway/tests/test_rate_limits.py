"""A caller has a quota for each window; what is left of it stands on every answer."""

import pytest

from csp_gateway.rate_limits import RateLimits
from csp_runtime.problems import Problem
from csp_runtime.scope import Role, Scope


class Clock:
    """Moved by hand."""

    def __init__(self):
        self.seconds = 100.0

    def monotonic(self):
        return self.seconds


def caller(actor, reseller="res_a"):
    return Scope(reseller=reseller, actor=actor, roles=frozenset({Role.RESELLER_ADMIN}))


def told(limits, request):
    return {name.decode(): value.decode() for name, value in limits.headers(request)}


def test_the_third_of_two_is_refused_until_the_window_is_over():
    clock = Clock()
    limits, ada, request = RateLimits(2, clock), caller("ada"), {}
    limits.take(ada, request)
    assert told(limits, request) == {
        "ratelimit-policy": '"default";q=2;w=60',
        "ratelimit": '"default";r=1;t=60',
    }
    clock.seconds += 20.5
    limits.take(ada, request)
    assert told(limits, request)["ratelimit"] == '"default";r=0;t=40'
    with pytest.raises(Problem) as refused:
        limits.take(ada, request)
    assert (refused.value.status, refused.value.retry_after) == (429, 40)
    assert told(limits, request)["ratelimit"] == '"default";r=0;t=40'
    clock.seconds += 39.5
    limits.take(ada, request)
    assert told(limits, request)["ratelimit"] == '"default";r=1;t=60'


def test_callers_do_not_use_up_each_others_quota():
    limits = RateLimits(1, Clock())
    for one in (caller("ada"), caller("bob"), caller("ada", "res_b")):
        limits.take(one, {})
    with pytest.raises(Problem):
        limits.take(caller("ada"), {})


async def test_every_answer_says_what_is_left(surfaces):
    _, client = surfaces["customer"]
    first = await client.get("/subscriptions")
    missing = await client.get("/subscriptions/unknown")
    unknown = await client.get("/subscriptions", headers={"Authorization": "Bearer none"})
    for answer in (first, missing, unknown):
        assert answer.headers["RateLimit-Policy"] == '"default";q=20000;w=60'
    assert first.headers["RateLimit"].startswith('"default";r=19999;t=')
    assert missing.headers["RateLimit"].startswith('"default";r=19998;t=')
    assert "RateLimit" not in unknown.headers
