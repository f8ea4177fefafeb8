"""A real Kafka broker for tests: `CSP_KAFKA`, else Docker, else Maven artifacts with Java, else a reported skip."""

import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection
from typing import TYPE_CHECKING

import pytest

from csp_runtime.kafka_connection import KafkaConnection
from csp_testing.folders import cache, locked, repository
from csp_testing.memory import passing_folder
from csp_testing.outside_tools import program, unavailable
from csp_testing.ports import die_with_parent, free_port

if TYPE_CHECKING:
    from testcontainers.community.kafka import KafkaContainer

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_CLUSTER = "tests-of-csp-cluster-A"
"""16 bytes in base 64; clusters of tests never meet, so that none needs a name of its own."""
_numbers = itertools.count(1)


class KafkaServer:
    """One broker of our own in a folder: one node, both roles, on loopback; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jars = _jars()
        self._java = program("kafka", "java")
        self._port, self._controller = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Format the folder if it is new, start, return when the port is open; fails after a minute."""
        settings = self._folder / "server.properties"
        if not settings.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            settings.write_text(self._settings(), encoding="utf-8")
            (self._folder / "log4j2.properties").write_text(_LOG_SETTINGS, encoding="utf-8")
            self._format(settings)
        log = (self._folder / "broker.log").open("ab")
        with log:
            self._process = subprocess.Popen(  # our own arguments
                [*self._command("512m"), "kafka.Kafka", str(settings)],
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # one prctl call, no lock taken
            )
        self._await_port()

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said to anyone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it; tests keep no data, so there is nothing to be careful with."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def _await_port(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    said = (self._folder / "broker.log").read_text(encoding="utf-8", errors="replace")[-2000:]
                    self.stop()
                    pytest.fail(f"the Kafka broker did not start:\n{said}", pytrace=False)
                time.sleep(0.05)
            else:
                return

    def _format(self, settings: Path) -> None:
        command = [
            *self._command("128m"), "kafka.tools.StorageTool", "format", "--cluster-id", _CLUSTER, "-c", str(settings),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)  # as above

    def _command(self, heap: str) -> list[str]:
        return [
            self._java, f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}", "-cp", f"{self._jars}/*",
        ]  # fmt: skip

    def _settings(self) -> str:
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self._port}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self._folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "num.network.threads": "2",
            "num.io.threads": "2",
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items())


_LOG_SETTINGS = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1} %m%n
"""


def _jars() -> Path:
    """The broker's jars, fetched once into the cache."""
    program("kafka", "java")
    maven = program("kafka", "mvn")
    pom = repository() / "tools" / "kafka" / "pom.xml"
    folder = cache("kafka-4.1.1")
    with locked(folder):
        if not (folder / "complete").exists():
            shutil.rmtree(folder / "jars", ignore_errors=True)
            command = [
                maven, "-q", "-B", "-f", str(pom), _COPY, "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}",
            ]  # fmt: skip
            ran = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=600
            )  # as above
            if ran.returncode != 0:
                unavailable("kafka", f"Maven could not fetch the broker: {ran.stdout[-500:]}")
            (folder / "complete").touch()
    return folder / "jars"


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """The address of a broker that tests share; a test takes a context of its own (`kafka_context`)."""
    given = os.environ.get("CSP_KAFKA")
    if given is not None:
        yield given
        return
    container = _docker_broker()
    if container is not None:
        with container:
            yield container.get_bootstrap_server()
        return
    with passing_folder() as folder:
        server = KafkaServer(folder / "kafka")
        server.start()
        try:
            yield server.bootstrap
        finally:
            server.stop()


@pytest.fixture
def kafka(kafka_bootstrap: str) -> KafkaConnection:
    """How to reach the shared broker."""
    return KafkaConnection(bootstrap=kafka_bootstrap)


@pytest.fixture
def kafka_context() -> str:
    """A context that no other test uses, and so a topic of the test's own."""
    return f"things-{os.getpid()}-{time.time_ns() // 1_000_000}-{next(_numbers)}"


@pytest.fixture
def kafka_server() -> Iterator[KafkaServer]:
    """A broker of the test's own, not started yet, for tests that kill it; always from Maven artifacts."""
    with passing_folder() as folder:
        server = KafkaServer(folder / "kafka")
        try:
            yield server
        finally:
            server.stop()


def _docker_broker() -> "KafkaContainer | None":
    if shutil.which("docker") is None:
        return None
    answers = subprocess.run(["docker", "info"], check=False, capture_output=True, timeout=30)
    if answers.returncode != 0:
        return None
    from testcontainers.community.kafka import KafkaContainer  # slow to import, and useless without Docker

    return KafkaContainer().with_kraft()
