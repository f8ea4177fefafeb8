"""What Microsoft says: webhooks, audit log, comparisons."""
