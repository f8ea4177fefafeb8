"""How to reach Kafka, and the topics that the relay needs there."""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from csp_runtime.logs import logger
from csp_runtime.settings import RuntimeSettings

log = logger(__name__)

TOPIC_SETTINGS = {"retention.ms": "-1", "cleanup.policy": "delete"}
"""Events are kept for ever: a new reader begins at offset 0."""

_MOST_REPLICAS = 3
_ALREADY_EXISTS = 36


class KafkaUnavailable(ConnectionError):
    """No broker answers, or none that lets us in. Readers and relays wait and try again."""

    code = "kafka-unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConnection:
    """Where the brokers are, how to enter, how topics are made. `bootstrap` is `host:port`, several with commas."""

    bootstrap: str
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    partitions: int = 12
    replication: int | None = None
    session_ms: int = 10_000
    """How soon the partitions of a member that died are given to another."""

    def options(self) -> dict[str, Any]:
        """Keyword arguments of any aiokafka client."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security,
            # A topic that appears later, or moved to another broker, is found this soon.
            "metadata_max_age_ms": 10_000,
        }
        if self.security.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.security.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options


def kafka_connection(settings: RuntimeSettings) -> KafkaConnection | None:
    """The connection that the settings name; None where services read each other's logs."""
    if settings.kafka is None:
        return None
    return KafkaConnection(
        bootstrap=settings.kafka,
        security=settings.kafka_security,
        ca_file=None if settings.kafka_ca_file is None else str(settings.kafka_ca_file),
        username=settings.kafka_username,
        password=None if settings.kafka_password is None else settings.kafka_password.get_secret_value(),
        sasl_mechanism=settings.kafka_sasl_mechanism,
        partitions=settings.kafka_partitions,
        replication=settings.kafka_replication,
    )


def topic_of(context: str) -> str:
    """The topic of a context's events."""
    return f"csp.{context}"


async def make_topics(connection: KafkaConnection, contexts: Iterable[str]) -> None:
    """Make the topics that are missing; those that exist stay as they are.

    Raises `KafkaUnavailable` where no broker answers.
    """
    admin = AIOKafkaAdminClient(**connection.options())
    try:
        await admin.start()
        brokers = len((await admin.describe_cluster())["brokers"])
        known = set(await admin.list_topics())
        missing = [
            NewTopic(
                topic_of(context),
                num_partitions=connection.partitions,
                replication_factor=connection.replication or min(_MOST_REPLICAS, brokers),
                topic_configs=TOPIC_SETTINGS,
            )
            for context in contexts
            if topic_of(context) not in known
        ]
        if missing:
            answer = await admin.create_topics(missing)
            for topic, code, *message in answer.topic_errors:
                if code not in {0, _ALREADY_EXISTS}:
                    raise KafkaUnavailable(f"topic {topic} cannot be made: error {code} {message}")
                log.info("kafka.topic-made", topic=topic, partitions=connection.partitions)
    except (KafkaError, OSError) as fault:
        raise KafkaUnavailable(f"no topics could be made: {type(fault).__name__}") from fault
    finally:
        await admin.close()
