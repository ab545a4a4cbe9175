"""Real Apache Kafka: KRaft, one node, out of the jars that Maven resolves, or out of a container."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from threading import Event
from typing import IO, Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.embedded.ports import free_port

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fastlakare" / "kafka-4.3.1"
IMAGE = "apache/kafka:4.3.1"
_UP_SECONDS = 60.0
#: quick to start and to notice what died; one replica of everything (architecture.md, Real parts)
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "group.coordinator.append.linger.ms": "0",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "auto.create.topics.enable": "false",
    "num.partitions": "1",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.retention.check.interval.ms": "300000",
}


class NoKafka(Exception):
    """No broker can be had here; the text says what is missing."""


def jars() -> Path:
    """The folder with Kafka's jars, resolved by Maven once and checked against `jars.sha256`. Raises NoKafka."""
    if not CACHE.is_dir():
        for tool in ("mvn", "java"):
            if shutil.which(tool) is None:
                raise NoKafka(f"{tool} is not installed; give an address in FASTLAKARE_TEST_KAFKA, or start Docker")
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
            target = Path(folder) / "jars"
            command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
            subprocess.run([*command, f"-DoutputDirectory={target}"], check=True, stdin=subprocess.DEVNULL)
            target.rename(CACHE)
    found = sorted(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}" for jar in CACHE.glob("*.jar"))
    if found != sorted((HERE / "jars.sha256").read_text().splitlines()):
        raise NoKafka(f"the jars in {CACHE} are not those of jars.sha256")
    return CACHE


class Kafka:
    """A broker that may be stopped, killed and started again; it keeps its folder and port."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None, *, heap: str = "384m") -> None:
        """`folder` is made here. `settings` override SETTINGS; listeners of their own must hold `{port}`."""
        self.port, controller = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.folder = folder
        self._classpath = f"{jars()}/*"
        self._heap = heap
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        folder.mkdir(parents=True)
        listeners = f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}"
        properties = {
            **SETTINGS,
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "log.dirs": str(folder / "data"),
            **{name: value.format(port=self.port, controller=controller) for name, value in (settings or {}).items()},
        }
        (folder / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        (folder / "log4j2.yaml").write_text(_LOG4J)

    def format(self, *more: str) -> None:
        """Makes the storage; `more` are words of kafka-storage, e.g. `--add-scram`."""
        words = [
            "format",
            "--standalone",
            "-t",
            "fastlakare-test-cluster",
            "-c",
            str(self.folder / "server.properties"),
        ]
        subprocess.run(self._java("kafka.tools.StorageTool", *words, *more), check=True, stdout=subprocess.DEVNULL)

    def start(self, *, wait: bool = True) -> None:
        """Returns once it answers, unless told not to wait (a broker that demands a login)."""
        if not (self.folder / "data").exists():
            self.format()
        self._log = (self.folder / "kafka.log").open("ab")
        command = self._java("kafka.Kafka", str(self.folder / "server.properties"))
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL)
        if wait:
            self._wait()

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """An orderly end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def wait_until_dead(self) -> None:
        """Returns when somebody else has killed it."""
        assert self._process is not None
        self._process.wait(60)
        self.kill()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None
        if self._log is not None:
            self._log.close()

    def _wait(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 100})
        never, tries = Event(), int(_UP_SECONDS * 10)
        for _ in range(tries):
            if self._process is None or self._process.poll() is not None:
                break
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except KafkaException:
                never.wait(0.1)
        raise NoKafka(f"the broker did not start:\n{(self.folder / 'kafka.log').read_text(errors='replace')[-3000:]}")

    def _java(self, *words: str) -> list[str]:
        options = [f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
        options.append(f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}")
        return ["java", *options, "-cp", self._classpath, *words]


_LOG4J = """\
Configuration:
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d %p %m (%c)%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: out}]}
"""


def in_container() -> tuple[Any, str]:
    """A broker where Docker answers, and its address. Raises NoKafka where it does not."""
    import docker
    from docker.errors import DockerException
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    try:
        docker.from_env().ping()
    except DockerException as error:
        raise NoKafka("Docker does not answer") from error
    port = free_port()
    settings = {
        **SETTINGS,
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": "1@localhost:9093",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    }
    container = DockerContainer(IMAGE).with_bind_ports(9092, port)
    for name, value in settings.items():
        container = container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    container.start()
    wait_for_logs(container, "Kafka Server started", timeout=_UP_SECONDS)
    return container, f"127.0.0.1:{port}"
