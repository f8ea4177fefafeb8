"""Prices come from the pricing service alone: an accepted quote is looked up there, or a fresh one is asked for."""

import re

import httpx
import msgspec

from csp_runtime.auth import ServiceTokens
from csp_runtime.platform import Peers
from csp_runtime.problems import Problem
from csp_subscriptions.ports import Quote

_AN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class PricingQuotes:
    """Quotes by the pricing service's internal API."""

    def __init__(self, peers: Peers, tokens: ServiceTokens) -> None:
        self._peers = peers
        self._tokens = tokens

    async def fresh(
        self, reseller: str, *, customer: str, product: str, term: str, charge_cycle: str, quantity: int
    ) -> Quote:
        """A quote as of now; a `Problem` where the product cannot be bought like this."""
        body = {
            "customer_id": customer,
            "product": product,
            "term": term,
            "charge_cycle": charge_cycle,
            "quantity": quantity,
        }
        answer = await self._peers.client("pricing").post(
            "/internal/v1/quotes", json=body, headers=await self._headers(reseller)
        )
        return _read(answer)

    async def accepted(self, reseller: str, quote_id: str) -> Quote:
        """The quote somebody accepted; a `Problem` of type `quote-expired` where it is gone."""
        if not _AN_ID.fullmatch(quote_id):  # the id is the caller's, and must not lead to another address
            raise _gone()
        answer = await self._peers.client("pricing").get(
            f"/internal/v1/quotes/{quote_id}", headers=await self._headers(reseller)
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise _gone()
        return _read(answer)

    async def _headers(self, reseller: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self._tokens.token(reseller)}"}


def _gone() -> Problem:
    return Problem("quote-expired", "The quote is unknown or has expired; ask for a new one")


def _read(answer: httpx.Response) -> Quote:
    if answer.is_success:
        return msgspec.json.decode(answer.content, type=Quote)
    raise Problem.from_json(answer.json(), answer.status_code)
