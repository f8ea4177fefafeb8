"""What could not be read waits here for a person, with everything that smells of a secret taken out."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from csp_partner_center.paging import UnreadableItem
from csp_runtime.database import Database
from csp_runtime.logs import logger

log = logger(__name__)

_SECRET = ("password", "token", "secret", "credential", "signature")
# Personal fields are not needed to see why something could not be read.
_PERSONAL = ("name", "mail", "phone", "address", "upn")
_SHOWN = (
    "companyname",
    "offername",
    "sku",
    "product",
    "eventname",
    "servicename",
    "resourcename",
    "event_name",
)


class Parked:
    """Rows of `parked_items`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, reseller: str, source: str, items: Sequence[UnreadableItem], at: datetime) -> None:
        """Set aside; the same item again is one row."""
        for item in items:
            raw = scrubbed(item.raw)
            content = msgspec.json.encode(raw, order="deterministic")
            log.warning("feed.unreadable", source=source, path=item.path, rule=item.rule)
            async with self._database.connection() as connection:
                await connection.execute(
                    """
                    insert into parked_items (reseller_id, source, path, rule, digest, raw, parked_at)
                    values (%s, %s, %s, %s, %s, %s, %s) on conflict (reseller_id, source, digest) do nothing
                    """,
                    [
                        reseller,
                        source,
                        item.path,
                        item.rule,
                        hashlib.sha256(content).digest(),
                        Jsonb(raw, dumps=lambda value: msgspec.json.encode(value).decode()),
                        at,
                    ],
                )


def scrubbed(value: Any, name: str = "") -> Any:  # Any: JSON of any shape
    """The same shape without secrets and personal fields."""
    folded = name.lower()
    if any(word in folded for word in _SECRET) or (
        any(word in folded for word in _PERSONAL) and folded not in _SHOWN
    ):
        return "***"
    match value:
        case Mapping():
            return {str(key): scrubbed(each, str(key)) for key, each in value.items()}
        case list():
            return [scrubbed(each, name) for each in value]
        case _:
            return value
