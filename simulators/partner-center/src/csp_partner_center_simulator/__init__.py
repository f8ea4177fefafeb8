"""A local Microsoft Partner Center and Graph with a clock that can be moved."""
