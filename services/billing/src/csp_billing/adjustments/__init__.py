"""Credits and charges by hand (R11.5)."""
