"""The HTTP endpoints, over a real socket."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from http.client import HTTPConnection, HTTPResponse

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics, timing
from infra.errors import DatabaseUnreachable, SettingsError
from infra.settings import Settings
from tests.harness.waiting import until
from workers.health import Health
from workers.http import serve_http
from workers.operations.lag import Lag
from workers.operations.open_transactions import OpenTransaction

LAG = Lag(
    date(2026, 5, 26),
    {"kiv.staff.v1": 3, "listning.clock.v1": 0},
    outbox=2,
    figures=1,
    working=True,
    behind_open_transaction={"kiv.staff.v1": 1, "listning.clock.v1": 0},
)


class Printed(io.StringIO):
    """What was printed; `done` is set with the first whole line."""

    def __init__(self) -> None:
        super().__init__()
        self.done = asyncio.Event()

    def write(self, text: str) -> int:
        if text.endswith("\n"):
            self.done.set()
        return super().write(text)


class Server:
    """A process's endpoints; `outage` is what measuring the lag runs into."""

    def __init__(self, port: int = 0) -> None:
        self.settings = Settings(http_port=port, topic_prefix="acc.")
        self.now = 1000.0
        self.health = Health(clock=lambda: self.now)
        self.refresh_seconds = timing.LAG_REFRESH_SECONDS
        self.outage: BaseException | None = None
        self.measured, self.count = LAG, 0
        self.task: asyncio.Task[None] | None = None
        self.address = ""

    async def lag(self) -> Lag:
        self.count += 1
        if self.outage is not None:
            raise self.outage
        return self.measured

    async def start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        printed = Printed()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", printed)
            self.task = asyncio.create_task(
                serve_http(self.settings, self.health, self.lag, refresh_seconds=self.refresh_seconds)
            )
            await asyncio.wait_for(printed.done.wait(), 20)
        self.address = printed.getvalue().removeprefix("listening on http://").strip()

    async def ask(self, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
        def ask() -> tuple[HTTPResponse, bytes]:
            connection = HTTPConnection(self.address, timeout=20)
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read()
            connection.close()
            return response, body

        return await asyncio.to_thread(ask)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    started = Server()
    await started.start(monkeypatch)
    yield started
    await started.stop()


async def test_the_port_that_was_found_is_printed(server: Server) -> None:
    host, port = server.address.split(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


async def test_healthz_tells_that_the_process_lives(server: Server) -> None:
    server.health.report("database", "away")
    response, body = await server.ask("/healthz")
    assert (response.status, json.loads(body)) == (200, {"status": "ok"})


async def test_readyz_tells_why_it_is_not_ready(server: Server) -> None:
    response, body = await server.ask("/readyz")
    assert (response.status, json.loads(body)) == (200, {"ready": True, "reasons": []})
    server.health.report("database", "away")
    response, body = await server.ask("/readyz")
    assert (response.status, json.loads(body)) == (503, {"ready": False, "reasons": ["database: away"]})


async def test_lag_has_the_shape_that_scripts_read(server: Server) -> None:
    response, body = await server.ask("/lag")
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {
        "day": "2026-05-26",
        "inputs": {"kiv.staff.v1": 3, "listning.clock.v1": 0},
        "outbox": 2,
        "figures": 1,
        "working": True,
        "behind_open_transaction": {"kiv.staff.v1": 1, "listning.clock.v1": 0},
    }


async def test_lag_tells_what_is_away(server: Server) -> None:
    server.outage = DatabaseUnreachable("the database cannot be reached: Connection refused")
    response, body = await server.ask("/lag")
    assert (response.status, json.loads(body)) == (
        503,
        {"error": "the database cannot be reached: Connection refused"},
    )


async def test_lag_tells_no_data_of_an_error_nobody_foresaw(server: Server) -> None:
    server.outage = ValueError("199006022397")
    response, body = await server.ask("/lag")
    assert (response.status, json.loads(body)) == (503, {"error": "ValueError"})


async def test_metrics_tell_outcomes_and_readiness(server: Server) -> None:
    metrics.records.labels("kiv.staff.v1", "applied").inc(0)
    server.health.report("database", "away")
    response, body = await server.ask("/metrics")
    samples = [sample for family in text_string_to_metric_families(body.decode()) for sample in family.samples]
    labels = [sample.labels for sample in samples if sample.name == "fastlakare_records_total"]
    values = {sample.name: sample.value for sample in samples}
    assert response.status == 200
    assert {"topic": "kiv.staff.v1", "outcome": "applied"} in labels
    assert values["fastlakare_ready"] == 0
    assert values["process_open_fds"] > 0


async def test_asyncapi_is_that_of_the_installation(server: Server) -> None:
    response, body = await server.ask("/asyncapi")
    document = json.loads(body)
    assert (response.status, document["asyncapi"]) == (200, "3.0.0")
    assert document["channels"]["kiv.staff.v1"]["address"] == "acc.kiv.staff.v1"


async def test_head_answers_without_a_body(server: Server) -> None:
    response, body = await server.ask("/healthz", "HEAD")
    assert (response.status, body, response.headers["content-length"]) == (200, b"", "15")


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/", "GET", 404), ("/lag/", "GET", 404), ("/lag", "POST", 405)]
)
async def test_what_is_not_there_is_an_error_in_json(server: Server, path: str, method: str, status: int) -> None:
    response, body = await server.ask(path, method)
    assert response.status == status
    assert "error" in json.loads(body)
    assert response.headers["allow"] == ("GET, HEAD" if status == 405 else None)


async def test_signals_stay_with_the_process(server: Server) -> None:
    before = signal.getsignal(signal.SIGTERM)
    await server.ask("/healthz")
    assert signal.getsignal(signal.SIGTERM) is before
    assert before is signal.SIG_DFL


async def test_the_port_is_free_again_when_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Server()
    await first.start(monkeypatch)
    await first.stop()
    again = Server(port=int(first.address.split(":")[1]))
    await again.start(monkeypatch)
    response, _ = await again.ask("/healthz")
    await again.stop()
    assert response.status == 200


async def test_a_port_that_is_taken_stops_the_start_with_the_settings_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(port=listener.getsockname()[1])
        with pytest.raises(SettingsError, match="FASTLAKARE_HTTP_PORT"):
            await serve_http(server.settings, server.health, server.lag)


async def test_an_idle_process_notices_that_kafka_or_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else asks either while there is nothing to do."""
    server = Server()
    server.refresh_seconds = 0.01
    server.outage = DatabaseUnreachable("the database cannot be reached: refused")
    await server.start(monkeypatch)
    try:

        async def red() -> bool:
            server.now += 1
            return server.health.reasons() == ["lag: cannot be measured: the database cannot be reached: refused"]

        async def well() -> bool:
            return server.health.reasons() == []

        await until(red, what="readiness to tell")
        server.outage = None
        await until(well, what="readiness to be well again")
    finally:
        await server.stop()


async def test_records_that_wait_behind_a_transaction_turn_readiness_red_only_after_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def waiting(seconds: float) -> Lag:
        return replace(LAG, open_transactions=[OpenTransaction("kiv.staff.v1", 3, 17, 2, 400, seconds)])

    server = Server()
    server.refresh_seconds = 0.01
    measured: list[list[str]] = []

    async def seen(lag: Lag) -> list[str]:
        """The reasons once this measurement and a further one were made."""
        server.measured, before = lag, server.count
        await until(lambda: asyncio.sleep(0, server.count > before + 1), what="two measurements")
        return server.health.reasons()

    await server.start(monkeypatch)
    try:
        for lag in (waiting(60), waiting(61), waiting(75), LAG):
            measured.append(await seen(lag))
    finally:
        await server.stop()
    reason = (
        "kiv.staff.v1/3/transaction: a transaction of the topic's senders has been open for 400 s, from offset 17 on;"
        " acknowledged records that wait behind it: 2"
    )
    assert measured == [[], [reason], [reason], []]
