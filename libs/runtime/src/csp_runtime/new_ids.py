"""Ids for our own things, made at the edge: UUID version 7 (RFC 9562), so that they sort by time."""

from uuid import UUID

import uuid_utils

from csp_contracts.ids import Kind, api_id


def new_uuid() -> UUID:
    """A fresh UUIDv7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def new_id(kind: Kind) -> str:
    """A fresh id of a kind."""
    return api_id(kind, new_uuid())
