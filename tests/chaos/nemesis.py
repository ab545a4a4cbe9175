"""What goes wrong: processes, broker, database and network, each recovered again after a while."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from time import monotonic

from infra.embedded.postgres import Postgres
from tests.harness.faulty_proxy import FaultyProxy
from tests.harness.installation import Installation, Process
from tests.harness.kafka import Kafka

PROCESSES = 3
#: a process told to leave has so long (docs/operating.md)
LEAVE_SECONDS = 30.0
_STALLS = (1.0, 5.0, 12.0, 40.0)
_LEADS = "\nfastlakare_relay_leader 1.0"


@dataclass
class Nemesis:
    """Injects a fault when asked to, and recovers it when its time has come; `faults` are what must not happen even
    so."""

    installation: Installation
    kafka: Kafka
    postgres: Postgres
    kafka_proxy: FaultyProxy
    postgres_proxy: FaultyProxy
    rng: random.Random
    injected: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _down: set[str] = field(default_factory=set)
    _leaving: list[tuple[float, Process]] = field(default_factory=list)

    def inject(self) -> None:
        """One fault more; which one is drawn."""
        kinds: dict[str, tuple[int, Callable[[], bool]]] = {
            "worker killed": (5, lambda: self._kill(self._anybody())),
            "relay killed": (4, lambda: self._kill(self._leader())),
            "process stalled": (4, self._stall),
            "process left": (2, self._leave),
            "broker killed": (2, self._broker),
            "database crashed": (2, self._database),
            "Kafka connections reset": (3, lambda: self._reset(self.kafka_proxy)),
            "database connections reset": (3, lambda: self._reset(self.postgres_proxy)),
            "Kafka network jammed": (2, lambda: self._stall_network("Kafka", self.kafka_proxy)),
            "database network jammed": (2, lambda: self._stall_network("database", self.postgres_proxy)),
        }
        (name,) = self.rng.choices(list(kinds), [weight for weight, _ in kinds.values()])
        if kinds[name][1]():
            self.injected[name] += 1

    def recover(self) -> None:
        """What is due, and notes who ended by itself."""
        while self._due and self._due[0][0] <= monotonic():
            heappop(self._due)[2]()
        for process in list(self.installation.processes):
            if not process.alive():
                self.installation.processes.remove(process)
                self.faults.append(f"ended by itself, exit {process.popen.returncode}: {process.output()[-2000:]}")
                self.installation.launch()
        self._leaving = [(until, one) for until, one in self._leaving if not self._has_left(one, until)]

    @property
    def over(self) -> bool:
        """Whether all is recovered."""
        return not (self._due or self._leaving)

    def _later(self, seconds: float, recovered: Callable[[], None]) -> None:
        heappush(self._due, (monotonic() + seconds, self.injected.total(), recovered))

    def _anybody(self) -> Process | None:
        return self.rng.choice(self.installation.processes) if self.installation.processes else None

    def _leader(self) -> Process | None:
        for process in self.installation.processes:
            with suppress(OSError):
                if process.find_address() and _LEADS in process.get("/metrics", timeout=1):
                    return process
        return None

    def _kill(self, process: Process | None) -> bool:
        if process is None:
            return False
        self.installation.kill(self.installation.processes.index(process))
        self._later(self.rng.uniform(0, 4), self._launch)
        return True

    def _launch(self) -> None:
        self.installation.launch()

    def _stall(self) -> bool:
        process = self._anybody()
        if process is None:
            return False
        self.installation.processes.remove(process)
        process.popen.send_signal(signal.SIGSTOP)
        self._later(self.rng.choice(_STALLS), lambda: self._wake(process))
        return True

    def _wake(self, process: Process) -> None:
        process.popen.send_signal(signal.SIGCONT)
        self.installation.processes.append(process)

    def _leave(self) -> bool:
        process = self._anybody()
        if process is None:
            return False
        self.installation.processes.remove(process)
        process.popen.terminate()
        self.installation.launch()
        self._leaving.append((monotonic() + LEAVE_SECONDS, process))
        return True

    def _has_left(self, process: Process, until: float) -> bool:
        if process.alive():
            if monotonic() > until:
                self.faults.append(f"not gone {LEAVE_SECONDS:.0f} s after SIGTERM: {process.output()[-2000:]}")
                process.popen.kill()
            return False
        if not process.shut_down():
            self.faults.append(f"exit {process.popen.returncode} after SIGTERM: {process.output()[-2000:]}")
        return True

    def _broker(self) -> bool:
        if self._is_down("broker"):
            return False
        self.kafka.kill()
        self._later(self.rng.uniform(0.5, 6), lambda: self._up("broker", lambda: self.kafka.start(wait=False)))
        return True

    def _database(self) -> bool:
        if self._is_down("database"):
            return False
        self.postgres.stop("immediate")
        self._later(self.rng.uniform(0.5, 6), lambda: self._up("database", self.postgres.start))
        return True

    def _reset(self, proxy: FaultyProxy) -> bool:
        proxy.reset()
        return True

    def _stall_network(self, name: str, proxy: FaultyProxy) -> bool:
        if self._is_down(f"network to {name}"):
            return False
        proxy.stall()
        self._later(self.rng.choice((1, 4, 15)), lambda: self._up(f"network to {name}", proxy.resume))
        return True

    def _is_down(self, what: str) -> bool:
        if what in self._down:
            return True
        self._down.add(what)
        return False

    def _up(self, what: str, start: Callable[[], None]) -> None:
        start()
        self._down.remove(what)
