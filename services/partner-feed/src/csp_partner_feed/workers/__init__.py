"""What runs beside the requests: each channel on its own, so that one may fail without the others."""
