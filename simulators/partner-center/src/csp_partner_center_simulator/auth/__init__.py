"""Token endpoints, tokens and who may call what (PC 1)."""
