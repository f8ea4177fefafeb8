"""`csp billing verify`: what closes have stored, held against a fold from the first event."""
