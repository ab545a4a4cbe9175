"""Settings: the environment, `.env`, files, and what stops a start (running.md)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.settings import Settings

SECRET = "a secret of at least thirty-two bytes"
URL = "postgresql://app:pass%2Fword@db.example:5432/listning?sslmode=verify-full&sslrootcert=/etc/ca.pem"
NEEDED = {
    "FASTLAKARE_DATABASE_URL": URL,
    "FASTLAKARE_KAFKA_BOOTSTRAP_SERVERS": "kafka-1.example:9092, kafka-2.example:9092",
    "FASTLAKARE_PATIENT_KEY_SECRET": SECRET,
}
LOGIN = {
    "FASTLAKARE_KAFKA_SASL_MECHANISM": "scram-sha-512",
    "FASTLAKARE_KAFKA_USERNAME": "app",
    "FASTLAKARE_KAFKA_PASSWORD": "hemligt",
}


@pytest.fixture(autouse=True)
def only_what_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("FASTLAKARE_")]:
        monkeypatch.delenv(name)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert caught.value.__cause__ is None, "the cause would quote the value in a traceback"
    return str(caught.value)


def test_the_defaults_are_those_of_running_md() -> None:
    expected = Settings.load().model_dump(exclude={"database_url", "patient_key_secret", "kafka_bootstrap_servers"})
    assert expected == {
        "kafka_security_protocol": "PLAINTEXT",
        "kafka_sasl_mechanism": None,
        "kafka_username": None,
        "kafka_password": None,
        "kafka_ca_file": None,
        "kafka_cert_file": None,
        "kafka_key_file": None,
        "kafka_compression": "none",
        "group_id": "fastlakare",
        "instance_id": None,
        "topic_prefix": "",
        "partitions": 12,
        "source": "fastlakare",
        "own_clock": True,
        "clock_may_jump": False,
        "on_doctor_left": "end",
        "eligible_positions": frozenset({"201010", "201011", "202010", "203010", "203090"}),
        "doctor_figures_every": 60,
        "verify_every": 0,
        "dlq_retention_days": 14,
        "batch_records": 2000,
        "batch_wait_ms": 20,
        "http_host": "127.0.0.1",
        "http_port": 8000,
        "log_format": None,
        "operator": None,
    }


def test_servers_are_read_without_the_spaces_between_them() -> None:
    assert Settings.load().kafka_bootstrap_servers == "kafka-1.example:9092,kafka-2.example:9092"


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("FASTLAKARE_ON_DOCTOR_LEFT", "keep", "on_doctor_left", "keep"),
        ("FASTLAKARE_ELIGIBLE_POSITIONS", "201010, 203090", "eligible_positions", frozenset({"201010", "203090"})),
        ("FASTLAKARE_OWN_CLOCK", "false", "own_clock", False),
        ("FASTLAKARE_DOCTOR_FIGURES_EVERY", "0", "doctor_figures_every", 0),
        ("FASTLAKARE_VERIFY_EVERY", "3600", "verify_every", 3600),
        ("FASTLAKARE_HTTP_PORT", "0", "http_port", 0),
        ("FASTLAKARE_TOPIC_PREFIX", "", "topic_prefix", ""),
        ("FASTLAKARE_INSTANCE_ID", "", "instance_id", None),
        ("FASTLAKARE_OPERATOR", "Anna Öst", "operator", "Anna Öst"),
        ("FASTLAKARE_KAFKA_SECURITY_PROTOCOL", "ssl", "kafka_security_protocol", "SSL"),
        ("FASTLAKARE_KAFKA_COMPRESSION", "ZSTD", "kafka_compression", "zstd"),
    ],
)
def test_a_variable_sets_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, expected: object
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(Settings.load(), field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FASTLAKARE_DATABASE_URL", "mysql://hemligt@db/x"),
        ("FASTLAKARE_DATABASE_URL", "postgresql://"),
        ("FASTLAKARE_DATABASE_URL", "postgresql://u:[hemligt@db/x"),
        ("FASTLAKARE_PATIENT_KEY_SECRET", "hemligt hemligt hemligt"),
        ("FASTLAKARE_KAFKA_BOOTSTRAP_SERVERS", "hemligt"),
        ("FASTLAKARE_KAFKA_BOOTSTRAP_SERVERS", "hemligt:0"),
        ("FASTLAKARE_KAFKA_BOOTSTRAP_SERVERS", "a:9092,,hemligt:9092"),
        ("FASTLAKARE_KAFKA_SECURITY_PROTOCOL", "hemligt"),
        ("FASTLAKARE_KAFKA_COMPRESSION", "hemligt"),
        ("FASTLAKARE_PARTITIONS", "hemligt"),
        ("FASTLAKARE_PARTITIONS", "0"),
        ("FASTLAKARE_ON_DOCTOR_LEFT", "hemligt"),
        ("FASTLAKARE_ELIGIBLE_POSITIONS", "201010,hemligt"),
        ("FASTLAKARE_ELIGIBLE_POSITIONS", ""),
        ("FASTLAKARE_DOCTOR_FIGURES_EVERY", "nan"),
        ("FASTLAKARE_DOCTOR_FIGURES_EVERY", "-1"),
        ("FASTLAKARE_VERIFY_EVERY", "-1"),
        ("FASTLAKARE_VERIFY_EVERY", "hemligt"),
        ("FASTLAKARE_DLQ_RETENTION_DAYS", "0"),
        ("FASTLAKARE_BATCH_RECORDS", "0"),
        ("FASTLAKARE_BATCH_WAIT_MS", "-1"),
        ("FASTLAKARE_OWN_CLOCK", "hemligt"),
        ("FASTLAKARE_HTTP_PORT", "65536"),
        ("FASTLAKARE_LOG_FORMAT", "hemligt"),
        ("FASTLAKARE_TOPIC_PREFIX", "hemligt/"),
        ("FASTLAKARE_GROUP_ID", ""),
        ("FASTLAKARE_SOURCE", "hem\nligt"),
        ("FASTLAKARE_OPERATOR", "hemligt 19121212-1212"),
    ],
)
def test_a_malformed_setting_stops_with_its_name_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    message = refusal()
    assert name in message
    assert "hemligt" not in message


def test_every_malformed_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_PARTITIONS", "x")
    monkeypatch.setenv("FASTLAKARE_HTTP_PORT", "x")
    message = refusal()
    assert "FASTLAKARE_PARTITIONS" in message
    assert "FASTLAKARE_HTTP_PORT" in message


def test_an_unknown_variable_stops_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_PARTITION", "12")
    assert refusal() == "FASTLAKARE_PARTITION: no such setting"


def test_an_unknown_variable_in_the_env_file_stops_as_well() -> None:
    Path(".env").write_text("FASTLAKARE_PARTITION=12\nOTHER=1\n", encoding="utf-8")
    assert refusal() == "FASTLAKARE_PARTITION: no such setting"


def test_failpoints_and_the_tests_own_variables_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_FAILPOINT", "batch:1")
    monkeypatch.setenv("FASTLAKARE_TEST_KAFKA", "127.0.0.1:9092")
    assert Settings.load().partitions == 12


def test_the_environment_goes_before_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("FASTLAKARE_PARTITIONS=3\nFASTLAKARE_GROUP_ID=from-file\n", encoding="utf-8")
    monkeypatch.setenv("FASTLAKARE_PARTITIONS", "4")
    settings = Settings.load()
    assert (settings.partitions, settings.group_id) == (4, "from-file")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_any_setting_can_come_from_a_file_without_the_newline_at_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    (tmp_path / "secret").write_bytes(f"{SECRET} from a file{ending}".encode())
    monkeypatch.delenv("FASTLAKARE_PATIENT_KEY_SECRET")
    monkeypatch.setenv("FASTLAKARE_PATIENT_KEY_SECRET_FILE", str(tmp_path / "secret"))
    assert Settings.load().patient_key_secret.get_secret_value() == f"{SECRET} from a file"


def test_a_setting_given_twice_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "group").write_text("g", encoding="utf-8")
    monkeypatch.setenv("FASTLAKARE_GROUP_ID", "g")
    monkeypatch.setenv("FASTLAKARE_GROUP_ID_FILE", str(tmp_path / "group"))
    assert "FASTLAKARE_GROUP_ID_FILE" in refusal()


def test_a_file_that_cannot_be_read_stops_with_the_variables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_GROUP_ID_FILE", "/nowhere/hemligt")
    message = refusal()
    assert message.startswith("FASTLAKARE_GROUP_ID_FILE: ")
    assert "hemligt" not in message


def test_a_certificates_path_is_a_setting_and_no_file_to_read_it_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("FASTLAKARE_KAFKA_CA_FILE", "/nowhere/ca.pem")
    assert Settings.load().kafka_ca_file == "/nowhere/ca.pem"


@pytest.mark.parametrize("name", sorted(NEEDED))
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_needed_and_not_given_stops_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    assert refusal() == f"{name}: needed, but not given"


def test_a_command_asks_only_for_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        monkeypatch.delenv(name)
    assert Settings.load(needs=()).partitions == 12
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS"):
        Settings.load(needs=("kafka",))


@pytest.mark.parametrize("missing", sorted(LOGIN))
def test_a_login_needs_mechanism_name_and_password(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("FASTLAKARE_KAFKA_SECURITY_PROTOCOL", "sasl_ssl")
    for name, value in LOGIN.items():
        if name != missing:
            monkeypatch.setenv(name, value)
    assert missing in refusal()


def test_a_login_over_a_protocol_without_one_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    assert "FASTLAKARE_KAFKA_SECURITY_PROTOCOL" in refusal()


def test_a_certificate_over_a_protocol_without_tls_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_KAFKA_CA_FILE", "ca.pem")
    assert "FASTLAKARE_KAFKA_SECURITY_PROTOCOL" in refusal()


def test_a_key_without_its_certificate_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("FASTLAKARE_KAFKA_KEY_FILE", "key.pem")
    assert "FASTLAKARE_KAFKA_CERT_FILE" in refusal()


def test_no_secret_shows_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    printed = f"{Settings.load()!r} {Settings.load()}"
    assert [secret for secret in (SECRET, "pass%2Fword", "hemligt") if secret in printed] == []


def test_topics_and_the_relays_id_carry_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_TOPIC_PREFIX", "acc.")
    settings = Settings.load()
    assert settings.topic("kiv.staff.v1") == "acc.kiv.staff.v1"
    assert settings.transactional_id == "acc.fastlakare.relay"


def test_the_policy_is_what_the_rules_ask_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLAKARE_ON_DOCTOR_LEFT", "keep")
    monkeypatch.setenv("FASTLAKARE_ELIGIBLE_POSITIONS", "201010")
    policy = Settings.load().policy
    assert (policy.eligible_positions, policy.end_links_of_leavers) == (frozenset({"201010"}), False)
