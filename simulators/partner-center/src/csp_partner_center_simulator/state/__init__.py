"""What the simulated services remember: frozen rows in tables, journalled and stored."""
