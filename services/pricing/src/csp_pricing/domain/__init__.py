"""Pure rules of price lists."""
