"""The rules' simplest model: one record at a time in, everything that must be heard out."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.harness.records import CLOCK, COMMAND, LISTING, Record
from tests.model import commands, ids
from tests.model.commands import Answer
from tests.model.decode import Dead, Message, read
from tests.model.distribution import Assignment, distribute
from tests.model.facts import fact
from tests.model.imports import Waiting, judge
from tests.model.listings import id_changed, listing
from tests.model.outputs import Outputs, Reply
from tests.model.state import State

PLAIN: Mapping[str, Callable[[Outputs, dict[str, Any]], Answer]] = {
    "activate-doctor": commands.activate,
    "deactivate-doctor": commands.deactivate,
    "pause-doctor": commands.pause,
    "resume-doctor": commands.resume,
    "update-doctor-profile": commands.update_profile,
    "link-patient": commands.link,
    "unlink-patient": commands.unlink,
    "move-patients": commands.move,
}


REGION_SAYS = {
    "doctor_not_active": "HSA-id saknas för läkare hos vårdcentral",
    "patient_not_listed": "Personnummer matchar inte vårdcentral vårdval",
}


@dataclass
class Model(Outputs):
    """`observed`: (source, id) of a distribution -> what the product did with it (dry run: how many it placed)."""

    observed: Mapping[tuple[str, str], Assignment | int] | None = None
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead: list[tuple[Record, str]] = field(default_factory=list)
    held_back: list[Record] = field(default_factory=list)
    known: dict[tuple[str, str], Reply | None] = field(default_factory=dict)
    waiting: dict[tuple[str, str], Waiting] = field(default_factory=dict)
    imported: dict[tuple[str, str], Reply] = field(default_factory=dict)

    def feed(self, record: Record) -> str | None:
        """Judges a record and returns its outcome; before the first day nothing but the clock is read (T3)."""
        if self.today == State.today and record.topic != CLOCK:
            self.held_back.append(record)
            return None
        message = read(record)
        if isinstance(message, Dead):
            self.dead.append((record, message.code))
            outcome = "dead"
        else:
            self.now, self.correlation, self.touched = message.time, message.correlation, set()
            outcome = self.judge(message)
        self.outcomes[record.topic, outcome] += 1
        if record.topic == CLOCK and self.held_back:
            events, self.held_back = self.held_back, []
            for one in events:
                self.feed(one)
        return outcome

    def judge(self, message: Message) -> str:
        """Which rule family a message belongs to."""
        if message.topic == COMMAND:
            self.correlation = message.correlation or message.id
            return self.command(message)
        if message.topic == CLOCK:
            return self.day_began(message)
        if message.topic != LISTING:
            return fact(self, message)
        if message.name == "tombstone":
            return "unchanged"
        return listing(self, message) if message.name == "vardval.listing" else id_changed(self, message)

    def day_began(self, message: Message) -> str:
        """T4: every missed day by itself, in order."""
        new = ids.day(message.data["day"])
        assert new is not None
        if new <= self.today:
            return "unchanged" if new == self.today else "stale"
        while self.today < new:
            self.today = new if self.today == State.today else self.today + timedelta(days=1)
            self.touched = set()
            self.settle()
            for place, waits in sorted(self.waiting.items()):
                if waits.late(self.today):
                    del self.waiting[place]
                    self.imported[place] = self.reply(waits.first, Answer("import_incomplete"))
                    self.known[waits.first.source, waits.first.id] = self.imported[place]
        return "applied"

    def settle(self) -> None:
        """Imports that wait move to the unit that replaced theirs (S9), answered ones with them."""
        super().settle()
        self.waiting = {(self.means(unit), name): waits for (unit, name), waits in self.waiting.items()}
        self.imported = {(self.means(unit), name): answer for (unit, name), answer in self.imported.items()}

    def command(self, message: Message) -> str:
        """One answer, and the same one for the same command (C2)."""
        name, who = message.name.removeprefix("listning."), (message.source, message.id)
        if who in self.known:
            earlier = self.known[who]
            if earlier:
                self.replies.append(earlier)
            return "repeated"
        fault = commands.first_checks(self, name, message.data)
        if fault:
            answer = Answer(fault)
        elif name == "import-links":
            return self.part(message)
        elif name == "distribute-patients":
            answer = distribute(self, message.data, None if self.observed is None else self.observed.get(who, {}))
        else:
            answer = PLAIN[name](self, message.data)
        self.settle()
        self.known[who] = self.reply(message, answer)
        return "accepted" if answer.accepted else "refused"

    def part(self, message: Message) -> str:
        """A part waits, completes its import, or comes after the answer (contract, listning.command.v1)."""
        data, who = message.data, (message.source, message.id)
        place = commands.means(self, data["unit_hsa_id"]), data["import_id"]
        if place in self.imported:
            self.known[who] = self.imported[place]
            self.replies.append(self.imported[place])
            return "repeated"
        waits = self.waiting.setdefault(place, Waiting(message, self.today))
        waits.parts, waits.rows[data["part"]] = data["parts"], data["rows"]
        if not waits.complete():
            self.known[who] = None
            return "waiting"
        del self.waiting[place]
        answer = judge(self, data, waits.all_rows())
        self.settle()
        self.known[who] = reply = self.reply(message, answer)
        if not data.get("dry_run", False):
            self.imported[place] = reply
        return "accepted" if answer.accepted else "refused"

    def reply(self, message: Message, answer: Answer) -> Reply:
        """The one answer to a command."""
        given = message.data["unit_hsa_id"]
        shown = ids.hsa_id(given) or (given if len(given) <= 200 else "")
        name = message.name.removeprefix("listning.")
        verbatim = REGION_SAYS if name == "import-links" else {}
        rows = [
            {"row": row, "code": code} | ({"message": verbatim[code]} if code in verbatim else {})
            for row, code in answer.faulty
        ]
        data = {
            "command_id": message.id, "command_type": name,
            "unit_hsa_id": shown, "outcome": "accepted" if answer.accepted else "refused",
            "code": answer.code, "message": "(a sentence)", "counts": answer.counts(), "faulty_rows": rows or None,
            "dry_run": bool(message.data.get("dry_run", False)),
        }  # fmt: skip
        reply = Reply(f"reply/{message.source}/{message.id}", data)
        self.replies.append(reply)
        return reply
