"""`csp rate`: the billing core over a story told in one file, without a database."""
