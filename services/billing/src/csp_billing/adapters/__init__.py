"""SQL, as this service needs it."""
