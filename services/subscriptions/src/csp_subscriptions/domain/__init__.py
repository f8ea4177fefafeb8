"""Pure rules of orders and subscriptions."""
