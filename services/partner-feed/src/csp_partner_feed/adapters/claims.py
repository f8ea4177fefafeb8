"""How long a claim holds that nobody renews: what a killed process leaves behind waits no longer."""

CLAIM_SECONDS = 20
