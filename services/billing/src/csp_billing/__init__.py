"""Report cycles, reports, lines; the pure billing engine."""
