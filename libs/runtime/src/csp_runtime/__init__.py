"""Event store, relay, feeds, consumers, operations, scope, secrets, telemetry; no business word in it."""
