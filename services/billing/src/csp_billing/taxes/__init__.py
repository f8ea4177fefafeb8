"""Tax of reports and credit notes (R11.1, R11.3)."""
