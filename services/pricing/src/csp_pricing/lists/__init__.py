"""Sales price lists: rows are versions, written through one door."""
