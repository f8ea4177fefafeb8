"""Worlds to start from: demo, empty, generated, files."""
