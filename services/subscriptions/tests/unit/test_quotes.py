"""A quote's id comes from the caller: it is an id or there is no such quote, and it leads to no other address."""

import pytest

from csp_runtime.host import LocalPeers
from csp_runtime.problems import Problem
from csp_subscriptions.adapters.quotes import PricingQuotes


class Tokens:
    """Nobody asks for one."""

    async def token(self, reseller):
        raise AssertionError(f"pricing was asked on behalf of {reseller}")


@pytest.mark.parametrize("quote_id", ["", ".", "..", "../price-lists", "a/b", "a?b", "ä", "a\0", "x" * 101])
async def test_what_is_no_id_is_a_quote_that_is_gone(quote_id):
    with pytest.raises(Problem) as refused:
        await PricingQuotes(LocalPeers(), Tokens()).accepted("res_a", quote_id)
    assert refused.value.code == "quote-expired"
