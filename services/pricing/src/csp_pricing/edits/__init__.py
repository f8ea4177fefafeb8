"""Historic price edits (R5.4)."""
