-- Takes from the service's role what it need not have, and gives the reader's what `fastlakare verify` compares
-- and the operator's what runs need. Run as `fastlakare_owner` after every `fastlakare migrate`:
--
--   psql -U fastlakare_owner -d fastlakare -f deploy/postgres-rights.sql

REVOKE UPDATE, DELETE ON audit FROM fastlakare_app;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM fastlakare_app;
REVOKE INSERT, UPDATE, DELETE ON installation FROM fastlakare_app;
GRANT UPDATE (key_fingerprint, cluster_id, settings) ON installation TO fastlakare_app;
REVOKE INSERT, DELETE ON day FROM fastlakare_app;
REVOKE UPDATE, DELETE ON topic FROM fastlakare_app;
GRANT UPDATE (id) ON topic TO fastlakare_app;

GRANT SELECT ON alembic_version, installation, topic, consumer_offset, outbox_shard, day, unit, doctor, roster, patient,
    link, forgotten, command, audit TO fastlakare_reader;

-- The operator's: what a run decides and says, and no more. Not the day, nor what the database belongs to.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO fastlakare_operator;
GRANT INSERT, UPDATE, DELETE ON unit, doctor, roster, patient, link, forgotten, stale_statistics, import, import_part
    TO fastlakare_operator;
GRANT INSERT, UPDATE ON command, dead_letter, run, run_partition, run_decision TO fastlakare_operator;
GRANT INSERT ON audit, outbox TO fastlakare_operator;
GRANT UPDATE (last_seq) ON outbox_shard TO fastlakare_operator;
GRANT UPDATE (units_revision) ON day TO fastlakare_operator;
GRANT UPDATE (epoch, next_offset, last_offset, last_digest) ON consumer_offset TO fastlakare_operator;
GRANT DELETE ON processed_ahead, release_guard TO fastlakare_operator;
