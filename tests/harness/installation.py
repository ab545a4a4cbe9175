"""One installation of the product as the outside sees it: its processes, its topics, its HTTP endpoints."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO, Any

from tests.model.state import Settings

ROOT = Path(__file__).parents[2]
#: the log event (docs/log-events.md) of a process that did not stop in time and ended all the same
SHUTDOWN_TIMED_OUT = "shutdown timed out"
COUNTED = re.compile(r"^fastlakare_records_total\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE)


class TooLate(AssertionError):
    """Something did not come true in time."""


def until(condition: Callable[[], object], timeout: float, what: str, every: float = 0.02) -> None:
    """Asks again and again until the condition holds; `TooLate` after `timeout` seconds."""
    deadline, never = time.monotonic() + timeout, Event()
    while not condition():
        if time.monotonic() > deadline:
            raise TooLate(f"{what}: not within {timeout} s")
        never.wait(every)


@dataclass
class Process:
    """One `fastlakare run`, and where it writes."""

    number: int
    popen: subprocess.Popen[bytes]
    files: tuple[Path, Path]
    address: str | None = None

    def alive(self) -> bool:
        return self.popen.poll() is None

    def find_address(self) -> str | None:
        """The address it printed at start."""
        found = re.findall(r"listening on (http://\S+)", self.files[0].read_text(errors="replace"))
        self.address = found[-1] if found else None
        return self.address

    def ready(self) -> tuple[int, list[str]]:
        """Status and reasons of `/readyz`."""
        try:
            return 200, json.loads(self.get("/readyz"))["reasons"]
        except urllib.error.HTTPError as red:
            return red.code, json.load(red)["reasons"]

    def output(self) -> str:
        """All that it has logged so far."""
        return "".join(path.read_text(errors="replace") for path in self.files)

    def shut_down(self) -> bool:
        """Ended as it was told to: with 0, or with 1 at its own limit, where a broker or database was away."""
        code = self.popen.returncode
        return code == 0 or (code == 1 and SHUTDOWN_TIMED_OUT in self.output())

    def get(self, path: str, timeout: float = 10) -> str:
        """What the endpoint says; raises OSError when there is nobody, or the status is one of an error."""
        with urllib.request.urlopen(f"{self.address}{path}", timeout=timeout) as answer:
            text: str = answer.read().decode()
        return text


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.stdout)


@dataclass
class Installation:
    """`folder` takes the output of every process ever started; `extra` are more FASTLAKARE_ settings."""

    bootstrap: str
    database_url: str
    prefix: str
    folder: Path
    settings: Settings = field(default_factory=Settings)
    partitions: int = 4
    extra: dict[str, str] = field(default_factory=dict)
    answer_seconds: float = 10
    processes: list[Process] = field(default_factory=list)
    launched: list[Process] = field(default_factory=list)
    texts: list[Path] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """Only what running.md names."""
        variables = {
            "DATABASE_URL": self.database_url, "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "PATIENT_KEY_SECRET": self.settings.secret, "TOPIC_PREFIX": self.prefix, "GROUP_ID": f"{self.prefix}group",
            "PARTITIONS": str(self.partitions), "OWN_CLOCK": "false", "DOCTOR_FIGURES_EVERY": "0", "HTTP_PORT": "0",
            "ON_DOCTOR_LEFT": self.settings.on_doctor_left, "SOURCE": self.settings.source, "LOG_FORMAT": "json",
        } | self.extra  # fmt: skip
        return os.environ | {f"FASTLAKARE_{name}": text for name, text in variables.items()}

    def command(self, *words: str) -> list[str]:
        """The console script beside this Python, else the module."""
        script = shutil.which("fastlakare", path=str(Path(sys.executable).parent))
        return [script, *words] if script else [sys.executable, "-m", "cli.main", *words]

    def run(self, *words: str, typed: str = "", **extra: str) -> Done:
        """A command to its end, without a terminal; `typed` stands on its standard input, `extra` are settings."""
        environment = self.environment() | {f"FASTLAKARE_{name}": text for name, text in extra.items()}
        done = subprocess.run(
            self.command(*words), env=environment, cwd=ROOT, input=typed.encode(), capture_output=True, timeout=300
        )
        for text in (done.stdout, done.stderr):
            with self.open(f"command-{len(self.texts)}.txt") as sink:
                sink.write(text)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def prepare(self, *, migrate: bool = True) -> None:
        """Topics, and the schema where the database has none yet."""
        for words in (*((("migrate",),) if migrate else ()), ("topics", "--create")):
            out = self.open(f"{words[0]}.txt")
            with out as sink:
                done = subprocess.run(self.command(*words), env=self.environment(), cwd=ROOT, stdout=sink, stderr=sink)
            printed = Path(sink.name).read_text(errors="replace")
            assert done.returncode == 0, f"fastlakare {' '.join(words)}: exit {done.returncode}\n{printed}"

    def open(self, name: str) -> IO[bytes]:
        """A file in the folder that will be scanned for personnummer."""
        path = self.folder / name
        self.texts.append(path)
        return path.open("wb")

    def start(self, count: int) -> None:
        """More processes, each waited for until it answers."""
        fresh = [self.launch() for _ in range(count)]
        for process in fresh:
            until(lambda one=process: one.find_address() or self.must_live(one), 60, "an address printed")  # type: ignore[misc]

    def launch(self) -> Process:
        """Starts one process and does not wait."""
        number = len(self.launched) + 1
        with self.open(f"{number}.out") as out, self.open(f"{number}.err") as err:
            popen = subprocess.Popen(self.command("run"), env=self.environment(), cwd=ROOT, stdout=out, stderr=err)
            files = Path(out.name), Path(err.name)
        process = Process(number, popen, files)
        self.launched.append(process)
        self.processes.append(process)
        return process

    def must_live(self, process: Process) -> bool:
        """False while it lives; a process that ended by itself is an error."""
        if not process.alive():
            raise AssertionError(
                f"exit {process.popen.returncode}: {process.files[1].read_text(errors='replace')[-3000:]}"
            )
        return False

    def kill(self, place: int) -> None:
        """kill -9, by process id."""
        process = self.processes.pop(place)
        process.popen.kill()
        process.popen.wait(10)

    def leave(self, place: int, timeout: float = 30) -> None:
        """SIGTERM, and an orderly end."""
        process = self.processes.pop(place)
        process.popen.terminate()
        status = process.popen.wait(timeout)
        assert status == 0, f"exit {status}: {process.files[1].read_text(errors='replace')[-3000:]}"

    def stop(self) -> None:
        """Ends all that runs, or sleeps."""
        self.processes = [process for process in self.launched if process.alive()]
        while self.processes:
            self.kill(0)

    def lag(self) -> dict[str, Any]:
        """`/lag` of the first process that answers."""
        for process in self.processes:
            self.must_live(process)
            if process.find_address():
                try:
                    answer: dict[str, Any] = json.loads(process.get("/lag", self.answer_seconds))
                except OSError:
                    continue
                return answer
        return {}

    def quiet(self) -> bool:
        """All that was in has been answered."""
        now = self.lag()
        waits = [*now.get("inputs", {"nobody answers": 1}).values(), now.get("outbox"), now.get("figures")]
        return all(one == 0 for one in waits) and now.get("working") is False

    def settle(self, timeout: float = 60) -> None:
        """Waits until it is quiet twice in a row."""
        try:
            until(lambda: self.quiet() and self.quiet(), timeout, "quiet", every=0.01)
        except TooLate as late:
            raise TooLate(f"{late}; /lag says {self.lag()}") from None

    def until_ready(self, timeout: float) -> None:
        """Waits until every process is ready; `TooLate` says why one is not."""
        for process in self.processes:
            until(process.find_address, timeout, "an address printed")
        try:
            until(lambda: all(process.ready()[0] == 200 for process in self.processes), timeout, "every process ready")
        except TooLate as late:
            raise TooLate(f"{late}; {[process.ready()[1] for process in self.processes]}") from None

    def outcomes(self) -> Counter[tuple[str, str]]:
        """Records by topic and outcome, of the processes that live."""
        counts: Counter[tuple[str, str]] = Counter()
        for process in self.processes:
            for labels, value in COUNTED.findall(process.get("/metrics")):
                named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                counts[named["topic"], named["outcome"]] += int(float(value))
        return +counts

    def written(self) -> Iterable[tuple[str, str]]:
        """Everything the product wrote or shows, by name: output files and metrics."""
        for path in self.texts:
            yield path.name, path.read_text(errors="replace")
        for process in self.processes:
            yield f"/metrics of {process.number}", process.get("/metrics")


def personnummer_in(texts: Iterable[tuple[str, str]], patients: Sequence[str]) -> list[str]:
    """Where a patient's id stands, with or without the century (D1)."""
    anyone = re.compile("|".join(sorted({form for one in patients for form in (one[2:], f"{one[2:8]}-{one[8:]}")})))
    if not patients:
        return []
    return [f"{name}: {text[max(found.start() - 60, 0) : found.start()]}…" for name, text in texts
            for found in anyone.finditer(text)]  # fmt: skip
