"""Webhook certificates, signatures and delivery (PC 9, 14.7)."""
