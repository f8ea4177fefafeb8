"""Settings of the feed: how often each channel looks, and whom a notification must come from."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PartnerFeedSettings(BaseSettings):
    """Read from `CSP_FEED_…`."""

    model_config = SettingsConfigDict(
        env_prefix="CSP_FEED_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    callback_url: str | None = Field(
        default=None,
        description="address at which Microsoft reaches the gateway, without path; without it the gateway's public URL",
    )
    registers_webhook: bool = Field(
        default=True,
        description="whether this installation takes the partner's one webhook registration; a second one must not",
    )
    certificate_hosts: list[str] = Field(
        default_factory=list,
        description="JSON list: hosts from which a notification's certificate may be fetched, by https",
    )
    trust_roots: Path | None = Field(
        default=None,
        description="PEM file of the roots (and intermediates) that a notification's certificate must lead to",
    )
    certificate_organisation: str = Field(
        default="Microsoft Corporation", description="organisation that the certificate must name"
    )
    audit_poll_seconds: float = Field(
        default=900.0, gt=0, description="pause between two looks at the activity log"
    )
    audit_overlap_days: int = Field(
        default=2, ge=1, le=30, description="days of the activity log that each look reads again"
    )
    delta_poll_seconds: float = Field(
        default=900.0, gt=0, description="pause between two looks at the changes of a tenant's directory"
    )
    comparison_days: float = Field(
        default=1.0,
        gt=0,
        description="each customer is compared in full at least this often, spread over the time",
    )
    at_once: int = Field(
        default=32,
        ge=1,
        le=256,
        description="customers that one process compares, and directories that it follows, at the same time; only a first synchronisation has so many due",
    )
    readers: int = Field(default=4, ge=1, le=64, description="readings of one process at the same time")
    close_day: int = Field(
        default=15,
        ge=1,
        le=31,
        description="close day of a reseller that has set none, for `billing_from` of an imported book",
    )
