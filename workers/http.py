"""The HTTP endpoints of a running process (running.md): is it alive, is it ready, how far is it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, NamedTuple

import orjson
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infra import metrics, timing
from infra.environment import variable
from infra.errors import SettingsError
from infra.foreign_errors import explain
from infra.logs import log
from infra.settings import Settings
from schemas.asyncapi import document
from workers.health import Health
from workers.operations.lag import Lag
from workers.operations.open_transactions import problems

LagProvider = Callable[[], Awaitable[Lag]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_COMPONENT = "lag"
#: more at once are answered 503: the endpoints must not take the memory that batches need
_MOST_CONNECTIONS = 100
_JSON = "application/json"


class Answer(NamedTuple):
    """Status, media type and body."""

    status: int
    media_type: str
    body: bytes


def application(settings: Settings, health: Health, lag_provider: LagProvider) -> Application:
    """The endpoints as an ASGI application: GET and HEAD, errors as JSON."""

    async def healthz() -> Answer:
        return _json(200, {"status": "ok"})

    async def readyz() -> Answer:
        reasons = health.reasons()
        return _json(503 if reasons else 200, {"ready": not reasons, "reasons": reasons})

    async def lag() -> Answer:
        try:
            async with asyncio.timeout(timing.LAG_SECONDS):
                return _json(200, (await lag_provider()).as_json())
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told
            reason = explain(error)
            if reason is None:
                log.warning("lag measurement failed", exc_info=True)
                reason = type(error).__name__
            return _json(503, {"error": reason})

    async def asyncapi() -> Answer:
        return _json(200, document(settings.topic_prefix, settings.partitions))

    routes = {"/healthz": healthz, "/readyz": readyz, "/metrics": _metrics, "/asyncapi": asyncapi, "/lag": lag}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        route = routes.get(scope["path"])
        if route is None:
            found = _json(404, {"error": "no such endpoint", "endpoints": list(routes)})
        elif scope["method"] not in ("GET", "HEAD"):
            found = _json(405, {"error": "only GET and HEAD"})
        else:
            found = await route()
        await _send(send, found, scope["method"])

    return answer


async def serve_http(
    settings: Settings,
    health: Health,
    lag_provider: LagProvider,
    *,
    refresh_seconds: float = timing.LAG_REFRESH_SECONDS,
) -> None:
    """Serves until cancelled, and prints `listening on http://host:port` once it does. Signals are the caller's. The
    lag is measured every `refresh_seconds`.

    Raises SettingsError when the address cannot be had.
    """
    listener = _listener(settings)
    server = _Server(
        uvicorn.Config(
            application(settings, health, lag_provider),
            loop="none",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=timing.HTTP_SHUTDOWN_SECONDS,
            limit_concurrency=_MOST_CONNECTIONS,
        )
    )
    metrics.ready.set_function(lambda: not health.reasons())
    refresh = asyncio.create_task(_refresh(lag_provider, health, refresh_seconds))
    try:
        await server.serve(sockets=[listener])
    finally:
        refresh.cancel()
        if server.started and not server.should_exit:
            server.should_exit = True
            await server.shutdown(sockets=[listener])
        listener.close()


class _Server(uvicorn.Server):
    """Uvicorn inside a process that has other things to do: it leaves signals alone, and says where it listens."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None are captured."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to answer; scripts read the line to learn the port."""
        await super().startup(sockets=sockets)
        for listener in sockets or []:
            host, port, *_ = listener.getsockname()
            print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)


def _listener(settings: Settings) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.http_host, settings.http_port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        name = variable("http_port" if taken else "http_host")
        raise SettingsError(f"{name}: cannot listen there ({error.strerror})") from None


async def _refresh(lag_provider: LagProvider, health: Health, seconds: float) -> None:
    """Keeps the gauges of the lag fresh between two calls of /lag. It asks Kafka and the database, so it is also how a
    process that has nothing to do notices that one of them is away."""
    failed, stuck = False, frozenset[str]()
    while True:
        try:
            async with asyncio.timeout(timing.LAG_SECONDS):
                lag = await lag_provider()
            health.report(_COMPONENT, None)
            stuck = _report_open_transactions(lag, health, stuck)
            if failed:
                log.info("reachable again", component=_COMPONENT)
            failed = False
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told
            why = explain(error) or type(error).__name__
            log.warning("lag measurement failed", why=why)
            failed = True
            health.report(_COMPONENT, f"cannot be measured: {why}", after=timing.LAG_UNHEALTHY_AFTER_SECONDS)
        await asyncio.sleep(seconds)


def _report_open_transactions(lag: Lag, health: Health, before: frozenset[str]) -> frozenset[str]:
    """Says which partitions wait for their senders too long, and forgets those that did and do no longer."""
    found = problems(lag.open_transactions)
    for component in before - found.keys():
        health.forget(component)
    for component, problem in found.items():
        health.forget(component)  # its text is another one each time
        health.report(component, problem)
    return frozenset(found)


async def _metrics() -> Answer:
    return Answer(200, CONTENT_TYPE_LATEST, generate_latest())


def _json(status: int, content: object) -> Answer:
    return Answer(status, _JSON, orjson.dumps(content))


async def _send(send: Send, found: Answer, method: str) -> None:
    headers = [
        (b"content-type", found.media_type.encode()),
        (b"content-length", str(len(found.body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if found.status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else found.body})
