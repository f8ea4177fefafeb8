"""Orders, subscriptions, seat lots, scheduled changes."""
