"""This service's own rows, and the other services behind it."""
