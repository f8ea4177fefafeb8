"""The Partner Center REST surface, one module per resource (PC 3 to 10)."""
