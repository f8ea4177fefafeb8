"""The Microsoft Graph surface (PC 10.9, 13)."""
