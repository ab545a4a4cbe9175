-- Takes from the service's role what it need not have, and gives the reader's what `fastlakare verify` compares. Run as `fastlakare_owner` after every `fastlakare migrate`:
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
