"""What Microsoft charges: price sheets as files, and the daily import."""
