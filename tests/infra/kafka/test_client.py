"""How Kafka clients are set up, and what the cluster is asked without making topics."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from infra import timing
from infra.errors import SettingsError
from infra.kafka.client import client_args, close, closing
from infra.kafka.metadata import describe
from infra.settings import Settings


def arguments(**settings: Any) -> dict[str, Any]:
    return client_args(Settings(kafka_bootstrap_servers="kafka.example:9092", **settings))


def test_plaintext_needs_no_more_than_the_servers() -> None:
    assert arguments() == {"bootstrap_servers": "kafka.example:9092", "security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_carries_name_and_password(mechanism: str) -> None:
    args = arguments(
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism=mechanism,
        kafka_username="app",
        kafka_password="hemligt",
    )
    assert {name: value for name, value in args.items() if name.startswith("sasl")} == {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "app",
        "sasl_plain_password": "hemligt",
    }


def test_tls_checks_the_servers_name_and_certificate() -> None:
    context = arguments(kafka_security_protocol="SSL")["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_a_bearer_token_is_the_password() -> None:
    args = arguments(kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER", kafka_password="a.token")
    assert await args["sasl_oauth_token_provider"].token() == "a.token"


async def test_a_bearer_token_in_a_file_is_read_again_for_every_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("first\n", encoding="utf-8")
    monkeypatch.setenv("FASTLAKARE_KAFKA_PASSWORD_FILE", str(file))
    args = arguments(kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER")
    file.write_text("second\n", encoding="utf-8")
    assert await args["sasl_oauth_token_provider"].token() == "second"


async def test_so_it_is_where_dotenv_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("FASTLAKARE_KAFKA_PASSWORD_FILE=token\n", encoding="utf-8")
    (tmp_path / "token").write_text("first", encoding="utf-8")
    args = arguments(kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER")
    (tmp_path / "token").write_text("second", encoding="utf-8")
    assert await args["sasl_oauth_token_provider"].token() == "second"


async def test_what_the_environment_gives_itself_goes_before_a_file_that_dotenv_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("FASTLAKARE_KAFKA_PASSWORD_FILE=token\n", encoding="utf-8")
    (tmp_path / "token").write_text("from the file", encoding="utf-8")
    monkeypatch.setenv("FASTLAKARE_KAFKA_PASSWORD", "given")
    args = arguments(kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER")
    assert await args["sasl_oauth_token_provider"].token() == "given"


@pytest.mark.parametrize(
    ("setting", "content"),
    [("kafka_ca_file", None), ("kafka_ca_file", "no certificate"), ("kafka_cert_file", "no certificate")],
)
def test_a_certificate_that_cannot_be_used_names_the_setting(tmp_path: Path, setting: str, content: str | None) -> None:
    file = tmp_path / "hemligt.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"FASTLAKARE_{setting.upper()}") as caught:
        arguments(kafka_security_protocol="SSL", **{setting: str(file)})
    assert "hemligt" not in str(caught.value)


async def test_asking_for_a_topic_does_not_make_it(kafka: Any, topic_prefix: str) -> None:
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap)
    await client.bootstrap()
    try:
        first = await describe(client, [f"{topic_prefix}nowhere"])
        second = await describe(client, [f"{topic_prefix}nowhere"])
    finally:
        await client.close()
    assert (first, second) == ({}, {})


@pytest.fixture
async def topic(kafka: Any, topic_prefix: str) -> str:
    """A topic with nothing in it."""
    name = f"{topic_prefix}empty"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    async with closing(admin.close):
        await admin.start()
        await admin.create_topics([NewTopic(name, 1, 1)])
    return name


async def test_a_consumer_that_would_be_waited_for_without_end_is_closed_in_time(kafka: Any, topic: str) -> None:
    """Its fetch task misses that it is cancelled if that happens while it drops the requests of a lost assignment."""
    for steps in range(8):  # of the event loop; in some of them it drops them
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
        await consumer.start()
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.getmany(timeout_ms=800)  # by then a request is under way
        consumer.unsubscribe()
        for _ in range(steps):
            await asyncio.sleep(0)
        began = time.monotonic()
        await close(consumer.stop)
        assert consumer._fetcher._fetch_task.done()
        if time.monotonic() - began > timing.KAFKA_CLOSE_SECONDS:
            return
    pytest.fail("aiokafka misses it no more: `close` need not cancel")


async def test_what_fails_at_the_end_is_told() -> None:
    async def stop() -> None:
        raise KafkaConnectionError("gone")

    with pytest.raises(KafkaConnectionError, match="gone"):
        await close(stop)
