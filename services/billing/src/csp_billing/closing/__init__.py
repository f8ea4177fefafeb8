"""The close of a report cycle: freeze, settle in shards, issue in order. Synchronous; it runs in threads and processes."""
