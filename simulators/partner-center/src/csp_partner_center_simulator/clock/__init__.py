"""The virtual clock and the agenda of what is due on it (PC 14.2)."""
