"""What was observed, and what is worth telling. Pure: no clock, no I/O."""
