"""Commands to the owner of a subscription, sent where a decision in the drift inbox asks for our side."""

from enum import StrEnum
from typing import Any

import httpx

from csp_partner_feed.ports import Enforcement
from csp_runtime.auth import ServiceTokens
from csp_runtime.platform import Peers

# Somebody else changes the subscription just now.
_BUSY = ("operation-in-progress", "conflict", "version-conflict")


class Outcome(StrEnum):
    """What became of a command; anything else is the code of a refusal for good."""

    TAKEN = "taken"
    LATER = "later"


class SubscriptionCommands:
    """The internal API of the subscriptions service."""

    def __init__(self, peers: Peers, tokens: ServiceTokens) -> None:
        self._peers = peers
        self._tokens = tokens

    async def send(self, wanted: Enforcement, field: str, route: str, body: dict[str, Any]) -> str:
        """`taken`, `later` (not reached, or busy with another operation), or the code of a refusal. Once for any number of calls:
        the drift and the field are the command's key."""
        token = await self._tokens.token(wanted.reseller)
        try:
            answer = await self._peers.client("subscriptions").post(
                f"/internal/v1/subscriptions/{wanted.resource_id}/{route}",
                json=body or None,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Idempotency-Key": f"{wanted.drift_id}/{field}",
                },
            )
        except httpx.TransportError:
            return Outcome.LATER
        if answer.is_success:
            return Outcome.TAKEN
        if answer.status_code in (401, 408, 429) or answer.status_code >= 500:
            return Outcome.LATER
        code = _code(answer)
        return Outcome.LATER if code in _BUSY else code


def _code(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        return f"http-{answer.status_code}"
    code = (
        told.get("code") or str(told.get("type", "")).rsplit("/", 1)[-1] if isinstance(told, dict) else None
    )
    return str(code or f"http-{answer.status_code}")
