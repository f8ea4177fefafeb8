"""SQL and Microsoft, as this service needs them."""
