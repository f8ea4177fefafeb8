"""Pure rules of resellers, organisations and tenants."""
