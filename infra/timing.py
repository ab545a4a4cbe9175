"""Every number of seconds in the product, with what must hold between them asserted at the end.

Units last: `_SECONDS`, where a client or the server wants milliseconds `ms()` makes them. Read as `timing.NAME`, so
that each is found at once."""

from __future__ import annotations

from typing import NamedTuple


class Backoff(NamedTuple):
    """Pauses between attempts, exponential with full jitter: `first` at most before the second, never over
    `longest`."""

    first: float
    longest: float


def ms(seconds: float) -> int:
    """Seconds in milliseconds."""
    return round(seconds * 1000)


# -- the consumer group ------------------------------------------------------------------------------------------------

#: a member that sends no heartbeat for so long has left the group
GROUP_SESSION_SECONDS = 10.0
GROUP_HEARTBEAT_SECONDS = 2.0
#: how long the group waits for members that drain their batches
GROUP_REBALANCE_SECONDS = 60.0
#: max.poll.interval.ms, in effect disabled: a batch may wait for the database as long as it takes, and liveness is told
#: by heartbeats
GROUP_POLL_SECONDS = 24 * 60 * 60.0
#: how often the group's offsets are made equal to the database's, for lag tools, after the database's have been moved
#: past markers
GROUP_MIRROR_SECONDS = 1.0
#: one answer of the group to its offsets: what else is looked after waits for it
GROUP_COMMIT_SECONDS = 5.0
#: how often cluster, topic and settings are compared with what the database remembers, beside every assignment
IDENTITY_SECONDS = 5.0
#: no partitions assigned for so long: not ready
GROUP_UNHEALTHY_AFTER_SECONDS = 30.0
#: a rebalance that is under way gives a fenced partition to somebody sooner than this; then the process ends
FENCED_SECONDS = 30.0
ASSIGN_RETRY = Backoff(0.1, 5)
#: how long a fetch waits when there is nothing
FETCH_WAIT_SECONDS = 0.5
#: pause after a fetch that failed
FETCH_RETRY_SECONDS = 1.0
#: pause before a partition that cannot be read is tried again; each try has the others fetch once more
UNREADABLE_RETRY_SECONDS = 10.0
FETCH_UNHEALTHY_AFTER_SECONDS = 10.0
#: the client has answered for so long: its error is over
FETCH_HEALTHY_AFTER_SECONDS = 10.0

# -- batches -----------------------------------------------------------------------------------------------------------

BATCH_RETRY = Backoff(0.05, 5)
BATCH_UNHEALTHY_AFTER_SECONDS = 10.0
#: a right that is missing or a database that is read-only for so long is not on its way to be fixed: the process ends
INSTALLATION_FAULT_SECONDS = 30.0
#: how often a worker looks whether the first day has begun (T3)
FIRST_DAY_POLL_SECONDS = 0.1
#: a component that makes no progress for so long is not ready
NO_PROGRESS_SECONDS = 60.0

# -- the relay ---------------------------------------------------------------------------------------------------------

#: a Kafka transaction that takes longer is dead on the broker: a leader that sleeps in the middle of one, or waits for
#: a broker, must not hold up readers for long
RELAY_TRANSACTION_SECONDS = 10.0
#: init_transactions: it would ask a coordinator that is away without end
RELAY_INIT_SECONDS = 30.0
RELAY_CLOSE_SECONDS = 2.0
#: after a commit the broker writes its markers; until then it refuses the next transaction, and aiokafka would wait for
#: ten times as long
RELAY_MARKERS_SECONDS = 0.002
#: other processes' commits are found by looking at the table: often while there are any, else now and then
RELAY_POLL_OFTEN_SECONDS = 0.02
RELAY_POLL_SELDOM_SECONDS = 0.2
#: from a commit of this process until it hands over what it wrote
RELAY_HANDOFF_SECONDS = 0.002
#: between two sweeps of what Kafka has acknowledged
RELAY_SWEEP_SECONDS = 0.1
#: the reading of the output partitions' tails, all together
RELAY_TAIL_SECONDS = 60.0
#: the marker of a transaction that is not there so long after its commit was acknowledged may have been forgotten
RELAY_FORGOTTEN_SECONDS = 3.0
#: what was published for so long and readers cannot see is told
RELAY_HIDDEN_SECONDS = 15.0
#: aiokafka's pause before it asks again for what is not ready: metadata, a coordinator
RELAY_BACKOFF_SECONDS = 0.02
RELAY_RETRY = Backoff(0.1, 5)
RELAY_UNHEALTHY_AFTER_SECONDS = 15.0
#: a duty of the leader rests at least so long between two runs
DUTY_SHORTEST_PAUSE_SECONDS = 0.05
#: how often the leader looks whether midnight has passed (T1)
DAY_ANNOUNCER_SECONDS = 1.0
#: how often the leader deletes what was kept long enough
RETENTION_SECONDS = 600.0
#: a machine whose clock differs from the database's by more announces no day (T1)
CLOCKS_DIFFER_SECONDS = 300.0

# -- the database ------------------------------------------------------------------------------------------------------

DATABASE_CONNECT_SECONDS = 10.0
#: the server ends a transaction whose process sleeps between two statements, and processes end the sessions of those
#: that sleep in the middle of one while others wait: a process asleep must not keep its locks
STALLED_SESSION_SECONDS = 30.0
STALLED_SESSION_CHECK_SECONDS = 5.0
#: a peer that vanished without a word is noticed after IDLE + COUNT * INTERVAL seconds, with data on the way after
#: USER_TIMEOUT seconds
KEEPALIVE_IDLE_SECONDS = 10
KEEPALIVE_INTERVAL_SECONDS = 5
KEEPALIVE_COUNT = 3
TCP_USER_TIMEOUT_SECONDS = 30.0
#: the leader's session sends a heartbeat; without one for so long the server ends it, and with it the lock
LEADER_IDLE_SECONDS = 8.0
LEADER_HEARTBEAT_SECONDS = 2.0
LEADER_ANSWER_SECONDS = 5.0
#: how often the others ask for the lock
LEADER_STANDBY_SECONDS = 0.5
#: a snapshot that is read beside a topic may wait for Kafka between two statements; it holds up nobody
SNAPSHOT_IDLE_SECONDS = 600.0

# -- the process -------------------------------------------------------------------------------------------------------

START_RETRY = Backoff(0.2, 5)
#: comparing the topics with the contract, which a start only tells of
TOPICS_COMPARE_SECONDS = 10.0
#: how long a process that stops waits for records that are being handled
SHUTDOWN_DRAIN_SECONDS = 5.0
#: what is not through after so long when the process is told to stop ends at once: nothing is lost with it
SHUTDOWN_SECONDS = 20.0
#: what runs the process (docker-compose.yml, Kubernetes) kills it so long after it was told to stop
SHUTDOWN_KILL_SECONDS = 30.0
HTTP_SHUTDOWN_SECONDS = 2
#: a Kafka client says goodbye; what is not through after twice as long is abandoned
KAFKA_CLOSE_SECONDS = 3.0
#: one measurement of the lag
LAG_SECONDS = 10.0
#: between two measurements for the gauges and readiness
LAG_REFRESH_SECONDS = 15.0
#: one measurement may fail, for instance while a broker is restarted
LAG_UNHEALTHY_AFTER_SECONDS = 40.0
#: of one measurement, what is spent on telling records from markers
LAG_READ_SECONDS = 5.0
#: between two looks for the leader of a partition that has none
LAG_ELECTION_SECONDS = 0.1
#: a library says the same thing once in so long
LOG_REPEAT_SECONDS = 10.0

# -- commands ----------------------------------------------------------------------------------------------------------

COMMAND_CONNECT_SECONDS = 20.0
COMMAND_REQUEST_SECONDS = 10.0
COMMAND_LAG_SECONDS = 20.0
COMMAND_LAG_POLL_SECONDS = 0.25
#: one look at all input partitions
COMMAND_PARTITIONS_SECONDS = 60.0
#: between two measurements of `lag --watch`
WATCH_SECONDS = 2.0
#: what its rates are taken over
WATCH_RATE_SECONDS = 30.0
#: between two of its lines where there is no terminal
WATCH_LINE_SECONDS = 5.0
#: how often `lag --watch` asks how long topics keep their records
WATCH_RETENTION_SECONDS = 60.0
#: how long `verify` waits until the relay has published what its snapshot holds, and how often it looks
VERIFY_RELAY_SECONDS = 60.0
VERIFY_POLL_SECONDS = 0.1
#: one step in the reading of a topic
VERIFY_FETCH_SECONDS = 60.0
#: for how long its snapshot may rest while a partition of a topic is read
VERIFY_REST_SECONDS = 1800.0
#: whoever works on a run says so; what nobody has said for so long of, another may take over
RUN_LEASE_SECONDS = 30.0
RUN_HEARTBEAT_SECONDS = 5.0
#: a run that makes no progress for so long says what it waits for (O7)
RUN_SILENT_SECONDS = 30.0
#: what a run waits for is told after so long
RUN_WAITS_SECONDS = 3.0
#: how often a run looks whether its last event is acknowledged
RUN_POLL_SECONDS = 0.1
#: a run that is told to stop may end its transaction in so long
RUN_STOP_SECONDS = 10.0
#: how often a process of the service looks for a run that was left to it
RUN_DETACHED_SECONDS = 2.0
#: a live record may wait so long to be handled before a run yields to it (O3)
RUN_YIELD_SECONDS = 0.25
#: between two pictures of a command's progress on a terminal
COMMAND_FRAME_SECONDS = 0.2
#: so long `dlq list` judges letters; those that are left then are counted as not judged
LETTERS_JUDGED_SECONDS = 30.0
#: how often a command that is no terminal's says how far it is
COMMAND_PROGRESS_SECONDS = 10.0
#: how long a command's consumer lets the broker collect records for one answer
COMMAND_FETCH_SECONDS = 0.1
#: how long one look for the reply to an import takes at most
COMMAND_REPLY_POLL_SECONDS = 1.0
#: the controller answers before the brokers have heard of a new topic
TOPIC_VISIBLE_SECONDS = 10.0
TOPIC_POLL_SECONDS = 0.05

# -- the demo and its embedded servers ---------------------------------------------------------------------------------

EMBEDDED_BROKER_SECONDS = 10.0
EMBEDDED_POSTGRES_SECONDS = 60
DEMO_START_SECONDS = 60.0
DEMO_STOP_SECONDS = 10.0
DEMO_IDLE_SECONDS = 120.0
DEMO_HTTP_SECONDS = 20
DEMO_POLL_SECONDS = 0.05
DEMO_LISTEN_SECONDS = 60.0
DEMO_LISTEN_POLL_SECONDS = 0.02
DEMO_LISTEN_WAIT_SECONDS = 0.2
DEMO_FETCH_SECONDS = 0.05
DEMO_LINGER_SECONDS = 0.005
DEMO_COUNTS_SECONDS = 0.2
DEMO_KEEP_SECONDS = 1.0


# A member of the group has time for three heartbeats, and the leader for three before its session is taken for stalled.
assert GROUP_HEARTBEAT_SECONDS * 3 < GROUP_SESSION_SECONDS
assert LEADER_HEARTBEAT_SECONDS * 3 < LEADER_IDLE_SECONDS
assert LEADER_ANSWER_SECONDS < LEADER_IDLE_SECONDS
# A process that died has left the group, and another has its partitions, before a fenced partition ends a process.
assert GROUP_SESSION_SECONDS < FENCED_SECONDS
assert GROUP_SESSION_SECONDS < GROUP_UNHEALTHY_AFTER_SECONDS
# Whatever made a session stall, it is over when a rebalance that waits for it would be.
assert STALLED_SESSION_SECONDS + STALLED_SESSION_CHECK_SECONDS < GROUP_REBALANCE_SECONDS
# A vanished peer is noticed as soon as a stalled one, whether data is on its way or not.
assert KEEPALIVE_IDLE_SECONDS + KEEPALIVE_COUNT * KEEPALIVE_INTERVAL_SECONDS <= STALLED_SESSION_SECONDS
assert TCP_USER_TIMEOUT_SECONDS <= STALLED_SESSION_SECONDS
# A retry that waits longest is still progress, and turns red sooner than it counts as none.
assert BATCH_RETRY.longest < BATCH_UNHEALTHY_AFTER_SECONDS < NO_PROGRESS_SECONDS
# What is wrong with the installation is told before the process ends for it.
assert BATCH_UNHEALTHY_AFTER_SECONDS < INSTALLATION_FAULT_SECONDS < NO_PROGRESS_SECONDS
assert RELAY_RETRY.longest < RELAY_UNHEALTHY_AFTER_SECONDS < NO_PROGRESS_SECONDS
# What a broker forgot is mended before anything is told, and what is behind a transaction of usual length is not told.
assert RELAY_FORGOTTEN_SECONDS * 2 < RELAY_TRANSACTION_SECONDS < RELAY_HIDDEN_SECONDS
# A round that hangs, and an init_transactions that waits for it on the broker, are over before readiness turns red.
assert RELAY_TRANSACTION_SECONDS < RELAY_UNHEALTHY_AFTER_SECONDS
assert RELAY_TRANSACTION_SECONDS < RELAY_INIT_SECONDS < NO_PROGRESS_SECONDS
# The process ends by itself before it is killed, and the leader's connections are closed within that time.
assert SHUTDOWN_SECONDS < SHUTDOWN_KILL_SECONDS
assert RELAY_CLOSE_SECONDS * 3 + HTTP_SHUTDOWN_SECONDS < SHUTDOWN_SECONDS
# So are the consumers', once what they handle is, and after them the lag's.
assert SHUTDOWN_DRAIN_SECONDS + KAFKA_CLOSE_SECONDS * 4 + HTTP_SHUTDOWN_SECONDS < SHUTDOWN_SECONDS
assert LAG_READ_SECONDS < LAG_SECONDS < LAG_REFRESH_SECONDS < LAG_UNHEALTHY_AFTER_SECONDS
assert LAG_READ_SECONDS < COMMAND_LAG_SECONDS
# A rate is taken over several measurements, and each line has a new one.
assert WATCH_SECONDS * 3 < WATCH_RATE_SECONDS
assert WATCH_SECONDS < WATCH_LINE_SECONDS
# Whoever works on a run has time for three heartbeats before another takes it over.
assert RUN_HEARTBEAT_SECONDS * 3 < RUN_LEASE_SECONDS
