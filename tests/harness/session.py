"""Sends steps to an installation one by one, kills when told to, and holds what comes out against the model."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event

from tests.harness.compare import differences, outcome_differences
from tests.harness.installation import Installation, personnummer_in
from tests.harness.observed import Observed, distributions, from_model, from_records
from tests.harness.records import Record
from tests.harness.topics import Topics
from tests.model.model import Model
from tests.scenarios.schedule import Step


@dataclass
class Session:
    """A running installation, all that was sent to it, and how often something was killed."""

    installation: Installation
    topics: Topics
    sent: list[Record] = field(default_factory=list)
    killed: int = 0

    def steps(self, steps: Sequence[Step], every: int = 50) -> None:
        """Each step when the one before has been answered."""
        for number, step in enumerate(steps, start=1):
            self.step(step)
            if number % every == 0:
                self.topics.collect()

    def step(self, step: Step, timeout: float = 60) -> None:
        """Sends, and waits until all has been answered."""
        self.topics.publish(step.records)
        self.sent += step.records
        self.installation.settle(timeout)

    def step_with_kill(self, step: Step, rng: random.Random) -> None:
        """Sends, kills one of the processes before, while or after they work, and starts another."""
        self.topics.publish(step.records)
        self.sent += step.records
        Event().wait(rng.choice((0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)))
        self.installation.kill(rng.randrange(len(self.installation.processes)))
        self.killed += 1
        self.installation.start(1)
        self.installation.settle()

    def observe(self) -> Observed:
        """All that 1177, the vårdcentraler and the readers of dead letters have heard so far."""
        return from_records(self.topics.collect(), self.installation.settings.source)

    def differences(self) -> Iterator[str]:
        """Between what came out and what the model says must come out, outcomes too where nothing was killed."""
        got = self.observe()
        model = Model(settings=self.installation.settings, observed=distributions(got, self.sent))
        for record in self.sent:
            try:
                model.feed(record)
            except AssertionError as unfair:
                yield f"{type(unfair).__name__}: {unfair}: {(record.value or b'').decode(errors='replace')[:300]}"
                return
        yield from differences(from_model(model), got)
        if not self.killed:
            yield from outcome_differences(model.outcomes, self.installation.outcomes())

    def leaks(self, patients: Sequence[str]) -> list[str]:
        """Personnummer where none may stand: what the product wrote, keys, headers, replies (D1)."""
        texts = list(self.installation.written())
        for record in self.topics.collect():
            open_text = record.topic.endswith(".dlq")
            outside = "" if open_text else f"{record.key} {record.headers}"
            text = (record.value or b"").decode() if record.topic == "listning.reply.v1" else ""
            added = [one for one in record.headers if one[0].startswith("dlq_")] if open_text else []
            texts.append((record.topic, f"{outside} {text} {added}"))
        return personnummer_in(texts, patients)
