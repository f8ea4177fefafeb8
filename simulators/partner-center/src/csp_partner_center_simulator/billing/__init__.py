"""Charges, invoices and their lines (PC 10)."""
