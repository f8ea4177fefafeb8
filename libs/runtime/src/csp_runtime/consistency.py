"""Consistency tokens: a set of (stream, version) that a read waits for, bounded, until its own rows know them."""

import base64
import binascii
from collections.abc import Mapping

import msgspec

from csp_runtime import consumer_state
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.wakeups import Wakeups, wait_for_wakeup

CHANNEL = "csp_known"
LONGEST_WAIT_SECONDS = 2.0


class MalformedToken(Exception):
    """A consistency token that we did not make."""

    code = "validation"


class ReadModelBehind(Exception):
    """The rows did not get there within the wait; the caller may try again."""

    code = "read-model-behind"


def to_token(versions: Mapping[str, int]) -> str:
    """The opaque text of a set of versions."""
    return base64.urlsafe_b64encode(msgspec.json.encode(dict(versions))).decode().rstrip("=")


def from_token(token: str) -> dict[str, int]:
    """The versions behind a token; `MalformedToken` where it is none."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return msgspec.json.decode(raw, type=dict[str, int])
    except (binascii.Error, ValueError, msgspec.DecodeError) as fault:
        raise MalformedToken("the consistency token is not one of ours") from fault


class KnownVersions:
    """What one consumer's rows already know, to wait on."""

    def __init__(self, database: Database, consumer: str, wakeups: Wakeups, clock: Clock) -> None:
        self._database = database
        self._consumer = consumer
        self._wakeups = wakeups
        self._clock = clock

    async def wait_for(self, versions: Mapping[str, int], *, seconds: float = LONGEST_WAIT_SECONDS) -> None:
        """Return when every version is known; `ReadModelBehind` when the time is over."""
        if not versions:
            return
        deadline = self._clock.monotonic() + seconds
        with self._wakeups.on(CHANNEL) as event:
            while not await self._knows(versions):
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    raise ReadModelBehind("the rows do not know the latest change yet")
                await wait_for_wakeup(event, min(left, 0.25))

    async def _knows(self, versions: Mapping[str, int]) -> bool:
        async with self._database.connection() as connection:
            known = await consumer_state.known_versions(connection, self._consumer, list(versions))
        return all(known.get(stream, 0) >= version for stream, version in versions.items())
