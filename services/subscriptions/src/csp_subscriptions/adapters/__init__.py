"""Microsoft mapping, SQL and the other services, as this service needs them."""
