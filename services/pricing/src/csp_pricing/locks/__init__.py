"""Which price holds for which subscription: locked at purchase and renewal, changed with a list where a policy says so."""
