"""The REST API of both surfaces and its read models."""
