"""The two surfaces: `/v1` for resellers, `/portal/v1` for customers."""
