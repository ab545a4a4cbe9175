"""What the README tells an operator, 1177 and a vårdcentral to type, in its order, on real Kafka and PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.harness.installation import until
from tests.harness.pages import ROOT, block, spans
from tests.harness.processes import heed_ctrl_c

pytestmark = pytest.mark.system

#: in the place of Kafka's own script, which the broker's jars lack
PRODUCER = """\
#!{python}
import sys
from argparse import ArgumentParser
from confluent_kafka import Producer

parser = ArgumentParser()
parser.add_argument("--bootstrap-server", required=True)
parser.add_argument("--topic", required=True)
parser.add_argument("--property", action="append")
options = parser.parse_args()
properties = dict(one.split("=", 1) for one in options.property)
assert properties["parse.key"] == "true"
producer = Producer({{"bootstrap.servers": options.bootstrap_server}})
for line in sys.stdin:
    key, separator, value = line.rstrip("\\n").partition(properties["key.separator"])
    assert separator
    producer.produce(options.topic, value, key)
assert producer.flush(30) == 0
"""


class Shell:
    """Bash in a folder; the pages' placeholders, server and topics stand for those of the test."""

    def __init__(self, folder: Path, bootstrap: str, database_url: str, prefix: str) -> None:
        self.folder, self.prefix, self._bootstrap = folder, prefix, bootstrap
        (folder / "database_url").write_text(database_url)
        (folder / "secret").write_text("a secret of at least thirty-two bytes")
        script = folder / "kafka-console-producer.sh"
        script.write_text(PRODUCER.format(python=sys.executable))
        script.chmod(0o755)
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("FASTLAKARE_")}
        variables = {"TOPIC_PREFIX": prefix, "GROUP_ID": f"{prefix}group", "PARTITIONS": "2", "HTTP_PORT": "0"}
        path = f"{folder}:{Path(sys.executable).parent}:{inherited['PATH']}"
        self._environment = (
            inherited | {"PATH": path} | {f"FASTLAKARE_{name}": text for name, text in variables.items()}
        )

    def export(self, line: str) -> None:
        """Sets the variables of an `export` for all that follows, with values in the place of the three dots."""
        for name, file in (("DATABASE_URL", "database_url"), ("PATIENT_KEY_SECRET", "secret")):
            line = line.replace(f"{name}_FILE=...", f"{name}_FILE={self.folder / file}")
        line = line.replace("SERVERS=...", f"SERVERS={self._bootstrap}")
        assert "=..." not in line
        self._environment |= dict(one.split("=", 1) for one in line.removeprefix("export ").split(" "))

    def run(self, lines: str, status: int = 0) -> str:
        """What the lines print until they end with this status."""
        done = subprocess.run(
            self._bash(lines), cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, lines: str) -> Iterator[Path]:
        """The lines at work, and the file to which they print; they end as by Ctrl-C, in order."""
        printed = self.folder / "printed.txt"
        with printed.open("w") as out:
            process = subprocess.Popen(
                self._bash(lines), cwd=self.folder, env=self._environment, stdout=out, stderr=out,
                start_new_session=True, preexec_fn=heed_ctrl_c,
            )  # fmt: skip
        try:
            yield printed
            assert process.poll() is None, printed.read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(60)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # one that does not end must not outlive its test
                process.wait()

    def _bash(self, lines: str) -> list[str]:
        lines = lines.replace("localhost:9092", self._bootstrap).replace("--topic ", f"--topic {self.prefix}")
        return ["bash", "-euo", "pipefail", "-c", lines]


@pytest.fixture
def shell(kafka: Any, database_url: str, topic_prefix: str, tmp_path: Path) -> Shell:
    return Shell(tmp_path, kafka.bootstrap, database_url, topic_prefix)


def get(url: str) -> str:
    """What an endpoint answers with 200."""
    with urlopen(url, timeout=30) as response:
        text: str = response.read().decode()
    return text


def test_an_installation_is_set_up_fed_asked_and_followed_as_the_readme_says(shell: Shell) -> None:
    export, start, lag, verify, replay = block("README.md", "fastlakare migrate").splitlines()
    shell.export(export)
    with shell.running(start) as printed:

        def address() -> str:
            return "".join(re.findall(r"listening on (\S+)", printed.read_text()))

        until(address, 60, "an address printed")
        shell.run(lag)
        the_endpoints_of_running_md_answer(shell, address())
        shell.run(block("README.md", "kafka-console-producer.sh"))
        shell.run(lag)
        assert "differences" in shell.run(verify)
        assert "would be judged as of day" in shell.run(replay)
        applied = 'fastlakare_records_total{outcome="applied",topic="kiv.unit.v1"} 1.0'
        assert applied in get(f"{address()}/metrics")
        a_file_of_patients_is_answered_in_swedish(shell)
    the_example_reads_the_topic(shell)


def the_endpoints_of_running_md_answer(shell: Shell, address: str) -> None:
    """The page's table, and the commands that say the same."""
    page = (ROOT / "docs/running.md").read_text(encoding="utf-8")
    answers = {path: get(address + path) for path in re.findall(r"^\| `(/\w+)` \|", page, flags=re.MULTILINE)}
    assert answers.keys() == {"/healthz", "/readyz", "/metrics", "/lag", "/asyncapi"}

    def in_agreement() -> object:
        return json.loads(get(f"{address}/lag")) == json.loads(shell.run("fastlakare lag --json"))

    until(in_agreement, 60, "/lag and `fastlakare lag` to say the same")
    assert json.loads(answers["/asyncapi"]) == json.loads(shell.run("fastlakare asyncapi"))


def a_file_of_patients_is_answered_in_swedish(shell: Shell) -> None:
    """The file that docs/import.md shows; its patient is not listed here."""
    (shell.folder / "lista.csv").write_text(block("docs/import.md", "Personnummer;"), encoding="utf-8")
    printed = shell.run(block("README.md", "fastlakare import"), status=1)
    assert "Personnummer matchar inte vårdcentral vårdval" in printed
    assert (shell.folder / "lista.felaktiga.csv").exists()


def the_example_reads_the_topic(shell: Shell) -> None:
    """Its page's command, with the topic of this installation."""
    (command,) = [span for page, span in spans() if page == "examples/README.md" and span.startswith("python ")]
    with shell.running(f"cd {ROOT} && exec {command} {shell.prefix}1177.fast-lakarkontakt.v1") as printed:
        until(lambda: "caught up: 0 of 0" in printed.read_text(), 60, "the example to have caught up")
