"""Settings of billing (`CSP_BILLING_…`)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BillingSettings(BaseSettings):
    """How this service closes cycles."""

    model_config = SettingsConfigDict(
        env_prefix="CSP_BILLING_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    close_processes: int | None = Field(
        None,
        ge=0,
        le=64,
        description="worker processes for the close of a large cycle; default: one for each core; 0: none of their own",
    )
