"""Products, SKUs, availabilities, legacy offers and prices (PC 4, 11)."""
