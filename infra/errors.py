"""Every error of ours.

    FastlakareError                    root (schemas/errors.py)
    ├── Undecodable                    a record cannot be understood: dead letter (schemas/errors.py)
    ├── UnreadableLine                 a line of a file is no record (schemas/record_lines.py)
    ├── SettingsError                  settings missing, unknown, malformed or contradicting the database; exit 2
    ├── InstallationError              the installation is not as this release needs it; exit 3
    │   ├── WrongSchema                the database's schema is another release's, or none
    │   ├── WrongEncoding              the database's encoding is not UTF-8
    │   ├── WrongCluster               another cluster than the database remembers
    │   └── WrongTopics                topics are missing, made anew, or have another number of partitions than at first
    ├── RecordSetTooLarge              a compressed record set unpacks to more than may be
    ├── PartitionUnreadable            what a broker sent of a partition cannot be unpacked; that partition waits
    ├── DatabaseUnreachable            no connection could be made (also a ConnectionError); transient
    ├── ConcurrentInsert               another transaction was first with the same row; transient
    ├── MissingValue                   a row lacks what its table needs; the record that causes it is at fault
    ├── LockOrderViolation             locks would be taken out of order; the transaction begins again
    ├── EventTooLarge                  an event is larger than its topic takes; the record that causes it is at fault
    ├── BatchTooLarge                  too many patients for one transaction; the batch is halved
    ├── DayUnknown                     no day has begun yet; waited for (T3)
    ├── Fenced                         another process owns a partition of the batch; the batch is dropped
    ├── PartitionsRevoked              the group took the partitions back; the batch is left to their next owner
    ├── PartitionFenced                a partition stayed fenced without a rebalance; the process ends
    ├── DeadLetterLimitExceeded        too many records fail in this release; their partition stops
    ├── UnusableSelection              what an operator asked for does not exist or contradicts itself; exit 2
    ├── PlanDiffers                    something else is decided by now than was planned; those records are left alone
    ├── AlreadyJudged                  a batch of a run was committed though nobody was told
    ├── RunStopped                     an operator's run was paused or cancelled, or another executor has it
    ├── OutboxDiverged                 outbox and topics contradict each other; nothing is published
    ├── TransactionLeftOpen            a broker forgot to end a transaction of the relay; its next term does
    ├── NotPublished                   the relay does not publish what a verification waits for
    ├── RequestLost                    a request of the relay has no answer; its term ends
    ├── ServiceEnded                   the demo's service ended by itself
    └── UnreadableFile                 an import's file cannot be read (cli/imports/text.py)

What errors mean for a batch is told in `infra/error_kinds.py`, what an operator reads of those of others in
`infra/foreign_errors.py`.
"""

from __future__ import annotations

from schemas.errors import FastlakareError


class SettingsError(FastlakareError):
    """Settings are missing, unknown or malformed; the text names them and their rule, never a value."""


class InstallationError(FastlakareError):
    """The installation is not as this release needs it; the text says what to do."""


class WrongSchema(InstallationError):
    """The database has another schema than this release needs."""


class WrongEncoding(InstallationError):
    """The database's encoding cannot hold every name."""


class RecordSetTooLarge(FastlakareError):
    """A compressed record set unpacks to more than may be."""

    def __init__(self, largest_bytes: int) -> None:
        super().__init__(f"a compressed record set unpacks to more than {largest_bytes // 1024**2} MiB")


class PartitionUnreadable(FastlakareError):
    """What a broker sent of a partition, from `offset` on, cannot be unpacked. Holds no data of it (D1)."""

    def __init__(self, topic: str, partition: int, offset: int, why: str) -> None:
        super().__init__(f"{topic}/{partition} cannot be read from offset {offset} on: {why}")
        self.partition, self.offset = partition, offset


class WrongCluster(InstallationError):
    """The cluster is not the one that the database's offsets and sequences are of."""


class WrongTopics(InstallationError):
    """The cluster's topics are not those the database remembers."""


class DatabaseUnreachable(FastlakareError, ConnectionError):
    """No connection to the database's server could be made; the text says where and why."""


class ConcurrentInsert(FastlakareError):
    """Another transaction was first with a row that this one found missing (a lost update, prevented); the batch
    succeeds when tried again."""

    sqlstate = "40001"  # what PostgreSQL calls a serialisation failure, and is treated as one


class MissingValue(FastlakareError):
    """A row would lack a value that its table needs: a bug, found before PostgreSQL refuses the row and logs it (D1).
    The text is table and column."""


class LockOrderViolation(FastlakareError):
    """The locks would be taken out of order; begin again and load all that was needed at once."""


class BatchTooLarge(FastlakareError):
    """The batch's fan-out is too large for one transaction."""


class EventTooLarge(FastlakareError):
    """Kafka would refuse the event for ever, and all behind it; the record that causes it is dead-lettered instead."""


class DayUnknown(FastlakareError):
    """No day has begun yet, so nothing else may be read (T3)."""


class Fenced(FastlakareError):
    """Another process owns one of the partitions by now; what was decided for them must not be saved."""


class PartitionsRevoked(FastlakareError):
    """The partitions go to another process, which does what this one was only waiting to do."""


class PartitionFenced(FastlakareError):
    """The group gave the partition to this process, but the database says otherwise: nobody would handle it until the
    process ends and somebody takes it over."""


class DeadLetterLimitExceeded(FastlakareError):
    """Too many records fail in the handler: a bug of this release must not drain a topic into its DLQ."""


class UnusableSelection(FastlakareError):
    """What an operator asked for does not exist, or contradicts itself; the text says what there is."""


class PlanDiffers(FastlakareError):
    """On some records of a batch something else is decided than was planned; it is tried again without them."""


class AlreadyJudged(FastlakareError):
    """A batch of a run was committed, though the answer was lost."""


class RunStopped(FastlakareError):
    """An operator's run may go no further here: `state` is what became of it, None where another executor has it."""

    def __init__(self, state: str | None) -> None:
        super().__init__(f"the run is {state}" if state else "another executor has taken the run over")
        self.state = state


class OutboxDiverged(FastlakareError):
    """Outbox and topics contradict each other. Publishing stops until an operator resolves it (docs/operating.md)."""


class TransactionLeftOpen(FastlakareError):
    """A transaction of the relay, whose commit was acknowledged, has no marker in a partition: readers see nothing from
    there on."""


class NotPublished(FastlakareError):
    """The topics do not hold yet what the database's snapshot does, so they cannot be compared; the text says where."""


class RequestLost(FastlakareError):
    """A request to the broker failed, and nobody knows whether it arrived. (No KafkaError: aiokafka retries those.)"""


class ServiceEnded(FastlakareError):
    """The demo's `fastlakare run` ended by itself."""
