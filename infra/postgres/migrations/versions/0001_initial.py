"""The first schema: progress, outbox, the world, commands and the audit trail."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

PROGRESS = """
CREATE TABLE installation (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    key_fingerprint bytea,
    cluster_id text,
    settings jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN installation.key_fingerprint IS 'Of the secret that patient keys are made with, since the first
start';
COMMENT ON COLUMN installation.cluster_id IS 'Of the cluster that offsets and sequences are of; null = that of the next
start';
COMMENT ON COLUMN installation.settings IS 'In which all processes must agree';
INSERT INTO installation DEFAULT VALUES;

CREATE TABLE topic (
    name text PRIMARY KEY,
    partitions integer NOT NULL CHECK (partitions > 0),
    id uuid
);
COMMENT ON COLUMN topic.partitions IS 'As at first: another number would send keys elsewhere';
COMMENT ON COLUMN topic.id IS 'Of the topic that the offsets are of; null = that of the next start';

CREATE TABLE consumer_offset (
    topic text,
    partition integer,
    epoch bigint NOT NULL DEFAULT 0,
    next_offset bigint,
    last_offset bigint,
    last_digest bytea,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
COMMENT ON COLUMN consumer_offset.next_offset IS 'Null = the earliest there is';
COMMENT ON COLUMN consumer_offset.last_offset IS 'Of the record handled last, which the topic must still hold there, if
it holds any; null = whatever it holds';

CREATE TABLE day (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    day date,
    announced date,
    in_progress boolean NOT NULL DEFAULT false,
    units_revision bigint NOT NULL DEFAULT 0,
    cause json
) WITH (fillfactor = 50);
INSERT INTO day DEFAULT VALUES;
COMMENT ON COLUMN day.in_progress IS 'What the day caused for linked patients is not worked off yet (T5)';

CREATE TABLE processed_ahead (
    topic text,
    partition integer,
    record_offset bigint,
    PRIMARY KEY (topic, partition, record_offset)
);
CREATE TABLE dead_letter (
    topic text,
    partition integer,
    record_offset bigint,
    record_timestamp bigint NOT NULL,
    key bytea,
    value bytea,
    headers bytea NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'handled', 'discarded')),
    code text NOT NULL,
    detail text NOT NULL,
    fingerprint text,
    release text NOT NULL,
    attempts integer NOT NULL,
    dead_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, record_offset)
);
CREATE INDEX dead_letter_age ON dead_letter (dead_at);
COMMENT ON TABLE dead_letter IS 'Records that could not be understood or handled, as they came; kept for
DLQ_RETENTION_DAYS';
COMMENT ON COLUMN dead_letter.last_at IS 'When it failed last; the columns from code to release are of then';

CREATE TABLE release_guard (
    topic text,
    release text,
    records bigint NOT NULL DEFAULT 0,
    partitions integer[] NOT NULL DEFAULT '{}',
    why text,
    stopped_at timestamptz,
    PRIMARY KEY (topic, release)
);
COMMENT ON TABLE release_guard IS 'Records that a release failed on, and partitions that it stopped on for too many';
CREATE TABLE record_outcome (
    topic text,
    partition integer,
    record_offset bigint,
    outcome text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, record_offset)
);
CREATE INDEX record_outcome_age ON record_outcome USING brin (noted_at);
COMMENT ON TABLE record_outcome IS 'How the first reading of records ended that changed nothing: stale, refused or
skipped; kept for DLQ_RETENTION_DAYS';
COMMENT ON TABLE processed_ahead IS 'Records beyond consumer_offset.next_offset that are processed already';
"""

OUTBOX = """
CREATE TABLE outbox_shard (
    shard smallint PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0,
    published_seq bigint NOT NULL DEFAULT 0,
    UNIQUE (topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE outbox (
    shard smallint NOT NULL,
    seq bigint NOT NULL,
    key bytea,
    value bytea,
    headers bytea NOT NULL,
    PRIMARY KEY (shard, seq)
);
"""

WORLD = """
CREATE TABLE unit (
    hsa_id text PRIMARY KEY,
    version bigint NOT NULL,
    removed boolean NOT NULL,
    fact_at timestamptz,
    name text,
    kind text NOT NULL,
    care_giver text,
    first_day date,
    last_day date,
    replaced_by text,
    revision bigint NOT NULL,
    fact_partition integer,
    fact_offset bigint
);
COMMENT ON COLUMN unit.fact_offset IS 'Of the record that the fact was taken from, here and in doctor and patient: of
two with one version the later stands (R2)';

CREATE TABLE doctor (
    hsa_id text PRIMARY KEY,
    version bigint NOT NULL,
    removed boolean NOT NULL,
    protected boolean NOT NULL,
    fact_at timestamptz,
    vgr_id text,
    name text,
    licensed boolean NOT NULL,
    employments json NOT NULL,
    next_due date,
    last_revision bigint NOT NULL DEFAULT 0,
    fact_partition integer,
    fact_offset bigint
);
COMMENT ON COLUMN doctor.last_revision IS 'The highest of the roster entries that were forgotten (S7)';
CREATE INDEX doctor_due ON doctor (next_due) WHERE next_due IS NOT NULL;

CREATE TABLE roster (
    doctor text,
    unit text,
    activated boolean NOT NULL,
    active boolean NOT NULL,
    pause_start date,
    pause_end date,
    profile json NOT NULL,
    published json,
    statistics json,
    revision bigint NOT NULL,
    next_due date,
    PRIMARY KEY (doctor, unit)
);
CREATE INDEX roster_unit ON roster (unit);
CREATE INDEX roster_due ON roster (next_due) WHERE next_due IS NOT NULL;

CREATE TABLE patient (
    id bigint PRIMARY KEY,
    key text NOT NULL,
    partition integer NOT NULL,
    sequence bigint NOT NULL,
    revision bigint NOT NULL,
    announced boolean NOT NULL,
    current_unit text,
    current_from date,
    upcoming_unit text,
    upcoming_from date,
    care_burden double precision,
    next_due date,
    fact_partition integer,
    fact_offset bigint
) WITH (fillfactor = 70);
CREATE INDEX patient_key ON patient (key) WHERE key <> '';
CREATE INDEX patient_due ON patient (next_due) WHERE next_due IS NOT NULL;
COMMENT ON TABLE patient IS 'No index holds what a relisting changes, so that updates stay on their page (HOT)';

CREATE TABLE link (
    patient_id bigint PRIMARY KEY,
    unit text NOT NULL,
    doctor text NOT NULL,
    start_day date NOT NULL
);
CREATE INDEX link_unit ON link (unit, doctor);
CREATE INDEX link_doctor ON link (doctor);

CREATE TABLE forgotten (
    key text PRIMARY KEY,
    sequence bigint NOT NULL,
    revision bigint NOT NULL,
    reason text NOT NULL CHECK (reason IN ('protected', 'moved', 'never_listed'))
);
COMMENT ON TABLE forgotten IS 'All that is kept of protected patients (L7) and of ids that changes spoke of (L9)';

CREATE TABLE stale_statistics (
    unit text NOT NULL,
    doctor text NOT NULL,
    since timestamptz NOT NULL
);
CREATE INDEX stale_statistics_pair ON stale_statistics (unit, doctor);
COMMENT ON TABLE stale_statistics IS 'Marks: the figures of a doctor at a unit are others than those published last';
"""

COMMANDS = """
CREATE TABLE command (
    name bytea PRIMARY KEY,
    partition integer,
    key bytea,
    value bytea,
    headers bytea
);
COMMENT ON COLUMN command.name IS 'SHA-256 of ce_source and ce_id, which may be of any length';
COMMENT ON TABLE command IS 'Every command read, with its reply as it was published (C2)';

CREATE TABLE import (
    unit text,
    import_id text,
    first_day date NOT NULL,
    answered_source text,
    answered_id text,
    PRIMARY KEY (unit, import_id)
);
CREATE INDEX import_waiting ON import (first_day) WHERE answered_id IS NULL;

CREATE TABLE import_part (
    unit text,
    import_id text,
    part bigint,
    parts bigint NOT NULL,
    ordinal integer NOT NULL,
    unit_as_written text NOT NULL,
    cause json NOT NULL,
    rows bytea NOT NULL,
    PRIMARY KEY (unit, import_id, part)
);
"""

RUNS = """
CREATE TABLE run (
    id text PRIMARY KEY,
    kind text NOT NULL,
    topic text NOT NULL,
    selection json NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    release text NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('planned', 'running', 'paused', 'done', 'cancelled',
        'failed')),
    detached boolean NOT NULL,
    records_per_second integer,
    epoch bigint NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    day date,
    outcomes json NOT NULL DEFAULT '{}',
    events json NOT NULL DEFAULT '{}',
    digest bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    sequences json NOT NULL DEFAULT '{}',
    error text,
    started_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE run IS 'What operators had judged again: replay, dead letters, reconcile, republish';
COMMENT ON COLUMN run.epoch IS 'Of the executor that has it: rises whenever another takes it over';
COMMENT ON COLUMN run.sequences IS 'By outbox shard the last event of the run';

CREATE TABLE run_partition (
    run text,
    partition integer,
    first_offset bigint NOT NULL,
    end_offset bigint NOT NULL,
    next_offset bigint NOT NULL,
    read_offset bigint NOT NULL,
    records bigint NOT NULL DEFAULT 0,
    aborted bigint NOT NULL DEFAULT 0,
    control bigint NOT NULL DEFAULT 0,
    first_record bigint,
    PRIMARY KEY (run, partition)
);
CREATE TABLE run_decision (
    run text,
    partition integer,
    record_offset bigint,
    decision bytea,
    differs boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run, partition, record_offset)
);
COMMENT ON TABLE run_decision IS 'What a plan decided on records that change something; differs: something else by the
time it was carried out, so the record was left alone';
COMMENT ON COLUMN run_partition.next_offset IS 'Records before it are judged';
COMMENT ON COLUMN run_partition.records IS 'Of those before read_offset, as aborted, control and first_record';
"""

AUDIT = """
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    what text NOT NULL,
    reason text NOT NULL,
    rule text NOT NULL,
    unit text,
    doctor text,
    patient_id bigint,
    revision bigint,
    source text NOT NULL,
    message_id text NOT NULL,
    actor text,
    role text,
    topic text,
    partition integer,
    record_offset bigint,
    release text NOT NULL,
    override boolean NOT NULL DEFAULT false,
    run text,
    run_actor text,
    run_reason text,
    written_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN audit.override IS 'The command let the doctor''s ceiling be exceeded by name (C7)';
COMMENT ON COLUMN audit.run IS 'The operator''s run that judged the record again, with who ran it and why; null = the
service itself';
COMMENT ON TABLE audit IS 'Who, which patient, which unit, when, what, and by which record, rule and release (D4); kept
for at least five years';
CREATE INDEX audit_patient ON audit (patient_id) WHERE patient_id IS NOT NULL;
CREATE INDEX audit_doctor ON audit (doctor, unit) WHERE patient_id IS NULL;

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only (D4)';
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""


def upgrade() -> None:
    """Makes every table. The driver's own call, because it takes several statements at once."""
    connection = op.get_bind().connection
    for part in (PROGRESS, OUTBOX, WORLD, COMMANDS, RUNS, AUDIT):
        connection.run_async(lambda driver, sql=part: driver.execute(sql))


def downgrade() -> None:
    """There is nothing before."""
    raise RuntimeError("the first schema cannot be taken back: drop the database instead")
