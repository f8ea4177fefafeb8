"""Resellers, customers, tenants, agreements."""
