"""Microsoft's invoices: read as they come, checked before anything is taken, matched line by line with our cost (section 14)."""
