"""A claim lasts as long as somebody works on it: renewed meanwhile, and over soon after a process was killed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from csp_partner_feed.workers.pace import OUTAGES
from csp_runtime.logs import logger

log = logger(__name__)

# A quarter of a claim (adapters/claims.py): three renewals may fail before somebody else takes the work up.
_RENEWED_EVERY = 5.0


@contextlib.asynccontextmanager
async def kept(renew: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Renew a claim until the block ends; never afterwards, for what is written then (done, or a pause) holds."""
    over = asyncio.Event()
    renewing = asyncio.create_task(_renew(renew, over), name="lease")
    try:
        yield
    finally:
        over.set()
        await renewing


async def _renew(renew: Callable[[], Awaitable[None]], over: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RENEWED_EVERY):
                await over.wait()
            return
        try:
            await renew()
        except OUTAGES as fault:
            log.warning("feed.claim-not-renewed", reason=type(fault).__name__)
