"""Microsoft's answers as observations; tables; certificates."""
