"""The checks that read an output topic: what stands in it against what the database says must stand there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR, LISTNING_REPLY
from workers.operations.verification.contact import ContactCheck, RevisionCheck
from workers.operations.verification.doctor import DoctorCheck
from workers.operations.verification.outputs import OutputPartition, OutputRecord
from workers.operations.verification.replies import ReplyCheck
from workers.operations.verification.report import Difference
from workers.operations.verification.sequences import SequenceCheck
from workers.operations.verification.shared import Shared


class TopicCheck(Protocol):
    """A check of one partition: hears its records in order, then says what differs."""

    compared: int

    def hear(self, record: OutputRecord) -> None:
        """The next record of the partition, also beyond the snapshot."""

    def differences(self) -> AsyncIterator[Difference]:
        """To be asked when all records were heard."""


#: by the check's name the topics that it reads (None: every output topic) and how it is made
TOPIC_CHECKS: dict[str, tuple[str | None, Callable[[Shared, OutputPartition], TopicCheck]]] = {
    "1177": (FAST_LAKARKONTAKT, ContactCheck),
    "doctor": (LISTNING_DOCTOR, DoctorCheck),
    "revisions": (FAST_LAKARKONTAKT, RevisionCheck),
    "sequences": (None, SequenceCheck),
    "replies": (LISTNING_REPLY, ReplyCheck),
}
