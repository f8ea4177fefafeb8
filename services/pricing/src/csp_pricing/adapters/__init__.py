"""SQL and Microsoft's catalogue, as this service needs them."""
