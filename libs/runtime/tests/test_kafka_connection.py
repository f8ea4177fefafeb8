"""How the settings name Kafka, and what reaches its client; never a password in a repr."""

from base64 import b64encode

import pytest

from csp_runtime.kafka_connection import KafkaConnection, kafka_connection
from csp_runtime.settings import RuntimeSettings


@pytest.fixture
def settings(monkeypatch):
    """Settings as a process would read them."""

    def read(**variables):
        monkeypatch.setenv("CSP_DATABASE_URL", "postgresql://u:p@h/d")
        monkeypatch.setenv("CSP_SEAL_KEYS", b64encode(bytes(32)).decode())
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return RuntimeSettings()

    return read


def test_without_a_broker_services_read_each_others_logs(settings, monkeypatch):
    monkeypatch.delenv("CSP_KAFKA", raising=False)
    assert kafka_connection(settings()) is None


def test_the_settings_name_the_broker_and_how_to_enter(settings):
    connection = kafka_connection(
        settings(
            CSP_KAFKA="a:1,b:2",
            CSP_KAFKA_SECURITY="SASL_SSL",
            CSP_KAFKA_USERNAME="csp",
            CSP_KAFKA_PASSWORD="hidden",
            CSP_KAFKA_REPLICATION="3",
        )
    )
    assert (connection.bootstrap, connection.partitions, connection.replication) == ("a:1,b:2", 12, 3)
    options = connection.options()
    assert options["bootstrap_servers"] == "a:1,b:2"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("csp", "hidden")
    assert options["ssl_context"] is not None
    assert "hidden" not in repr(connection)


def test_a_plain_connection_offers_no_password():
    options = KafkaConnection(bootstrap="a:1").options()
    assert options["security_protocol"] == "PLAINTEXT"
    assert not any(name.startswith(("sasl", "ssl")) for name in options)
