"""The control API: everything that only a simulator has."""
