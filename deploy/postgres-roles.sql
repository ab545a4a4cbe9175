-- The four roles of an installation, and what each may do. Run once by a superuser, in the service's own database:
--
--   psql -d fastlakare -f deploy/postgres-roles.sql
--
-- `fastlakare_owner` owns the tables: `fastlakare migrate` logs in as it, and nothing else does.
-- `fastlakare_app` is what `fastlakare run` and the tools log in as: it reads and writes, but makes and changes no table,
-- and can only add to the audit trail (D4).
-- `fastlakare_reader` is for `fastlakare verify`: it can read what that compares, and do nothing else.
-- `fastlakare_operator` is for `fastlakare replay`, `runs`, `dlq`, `explain` and the other tools that change something.
-- All get their password, or the way they log in, from you: ALTER ROLE fastlakare_app PASSWORD '...';

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fastlakare_owner') THEN
        CREATE ROLE fastlakare_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fastlakare_app') THEN
        CREATE ROLE fastlakare_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fastlakare_reader') THEN
        CREATE ROLE fastlakare_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fastlakare_operator') THEN
        CREATE ROLE fastlakare_operator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO fastlakare_owner, fastlakare_app, fastlakare_reader, '
        'fastlakare_operator', current_database());
END
$$;

-- The server's own log must not name a patient (D1): no key or row of what it refuses, no parameters, whatever else is
-- set for the server.
ALTER ROLE fastlakare_owner SET log_error_verbosity = terse;
ALTER ROLE fastlakare_owner SET log_parameter_max_length = 0;
ALTER ROLE fastlakare_owner SET log_parameter_max_length_on_error = 0;
ALTER ROLE fastlakare_app SET log_error_verbosity = terse;
ALTER ROLE fastlakare_app SET log_parameter_max_length = 0;
ALTER ROLE fastlakare_app SET log_parameter_max_length_on_error = 0;
ALTER ROLE fastlakare_reader SET log_error_verbosity = terse;
ALTER ROLE fastlakare_reader SET log_parameter_max_length = 0;
ALTER ROLE fastlakare_reader SET log_parameter_max_length_on_error = 0;
ALTER ROLE fastlakare_reader SET default_transaction_read_only = on;
ALTER ROLE fastlakare_operator SET log_error_verbosity = terse;
ALTER ROLE fastlakare_operator SET log_parameter_max_length = 0;
ALTER ROLE fastlakare_operator SET log_parameter_max_length_on_error = 0;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO fastlakare_owner;
GRANT USAGE ON SCHEMA public TO fastlakare_app, fastlakare_reader, fastlakare_operator;

-- The tables of later releases too; the trail of who did what is the exception, and so is the schema's own version.
ALTER DEFAULT PRIVILEGES FOR ROLE fastlakare_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO fastlakare_app;
ALTER DEFAULT PRIVILEGES FOR ROLE fastlakare_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO fastlakare_app;
ALTER DEFAULT PRIVILEGES FOR ROLE fastlakare_owner
    REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
