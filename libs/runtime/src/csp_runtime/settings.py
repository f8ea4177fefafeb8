"""Settings: one typed object per service, every variable documented here, read from the environment (`CSP_…`)."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RuntimeSettings(BaseSettings):
    """What every service needs."""

    model_config = SettingsConfigDict(env_prefix="CSP_", extra="ignore", frozen=True)

    database_url: SecretStr = Field(
        description="PostgreSQL of this service; its schema is named after the service"
    )
    data: Path = Field(
        Path(".csp"), description="folder for what a single machine keeps: keys, mailbox, embedded database"
    )
    kafka: str | None = Field(
        None, description="bootstrap servers; without them services read each other's logs"
    )
    kafka_partitions: int = Field(12, ge=1, description="partitions of a topic that the relay makes")
    kafka_replication: int | None = Field(
        None,
        ge=1,
        description="replication factor of a topic that the relay makes; else three, or one per broker",
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to enter Kafka"
    )
    kafka_ca_file: Path | None = Field(
        None, description="trust root of Kafka's certificates; else the system's"
    )
    kafka_username: str | None = Field(None, description="user name for SASL")
    kafka_password: SecretStr | None = Field(None, description="password for SASL")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how the password is proved"
    )
    clock: Literal["system", "simulator"] = Field("system", description="whose time is business time")
    simulator_url: str | None = Field(
        None, description="base URL of the Partner Center simulator, for its clock"
    )
    seal_keys: SecretStr = Field(
        description="base64 of 32 bytes, comma-separated, newest first: seals secrets at rest"
    )
    issuers: dict[str, str] = Field(
        default_factory=dict, description="JSON object: accepted OIDC issuer to the URL of its keys (JWKS)"
    )
    development_issuer: bool = Field(
        default=False, description="accept and make tokens of the issuer in the data folder; loopback only"
    )
    service_token_url: str | None = Field(
        None, description="token endpoint for background work (client credentials)"
    )
    service_client_id: str | None = Field(None, description="client id for background work")
    service_client_secret: SecretStr | None = Field(None, description="client secret for background work")
    peers: dict[str, str] = Field(
        default_factory=dict, description="JSON object: service name to the base URL of its internal API"
    )
    otlp_endpoint: str | None = Field(
        None, description="OTLP/HTTP collector; without it no span leaves the process"
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="one JSON object a line, or text for people"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe level that is logged"
    )
    host: str = Field("127.0.0.1", description="address the HTTP server listens on")
    port: int = Field(8080, ge=0, le=65535, description="port the HTTP server listens on")
    requests_per_minute: int = Field(
        600, ge=1, description="requests that one caller may make in a minute, in each process of the gateway"
    )


class MicrosoftSettings(BaseSettings):
    """How to reach Microsoft; shared by the services that talk to it."""

    model_config = SettingsConfigDict(env_prefix="CSP_MICROSOFT_", extra="ignore", frozen=True)

    cloud: Literal["global", "china", "us_government", "simulator"] = Field(
        "global", description="national cloud, or the simulator"
    )
    base_url: str | None = Field(None, description="overrides every host of the cloud, for a simulator")
    visibility_minutes: float = Field(
        15.0, ge=0, description="how long after a write of ours an older value may still be shown"
    )
    list_delay_minutes: float = Field(
        15.0,
        ge=0,
        description="how long a created thing may be missing from lists; a creation is not repeated before",
    )
    patience_hours: float = Field(
        72.0,
        gt=24,
        description="how long a command waits for a busy or unreachable Microsoft before it is rejected; pending changes there take up to 24 hours",
    )


class MailSettings(BaseSettings):
    """Where mail goes."""

    model_config = SettingsConfigDict(env_prefix="CSP_MAIL_", extra="ignore", frozen=True)

    host: str | None = Field(
        None, description="SMTP server; without it mail lands in the local mailbox folder"
    )
    port: int = Field(587, ge=1, le=65535, description="port of the SMTP server")
    username: str | None = Field(None, description="SMTP account")
    password: SecretStr | None = Field(None, description="password of the SMTP account")
    sender: str = Field("csp@localhost", description="sender's address")
    tls: bool = Field(default=False, description="implicit TLS instead of STARTTLS")
    public_url: str = Field(
        "http://127.0.0.1:8080", description="the gateway's own address, for links in mail"
    )
