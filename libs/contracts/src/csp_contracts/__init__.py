"""The published events: dataclasses, envelope, codec, upcasters, schemas."""
