"""Catalogue, price lists, quotes; the only one that resolves a price."""
