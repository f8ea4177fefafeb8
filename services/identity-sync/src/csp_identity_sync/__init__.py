"""Users, licence assignments, consumed seats."""
