"""What the screens' statements share."""

from typing import Any

import msgspec

CUSTOMER_OF_TENANT = (
    "coalesce((select customer_id from tenants where reseller_id = %s and tenant_id = %s), '')"
)
"""Unknown = hidden until known: the empty customer is inside no customer's scope."""


def as_text(value: Any) -> str:  # what msgspec can encode
    """JSON text for a jsonb column."""
    return msgspec.json.encode(value).decode()
