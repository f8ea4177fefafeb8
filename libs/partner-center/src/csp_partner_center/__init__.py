"""Typed client of Microsoft Partner Center and Graph."""
