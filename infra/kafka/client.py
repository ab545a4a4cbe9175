"""How every Kafka client of ours reaches the cluster, and how it lets go of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from infra import timing
from infra.environment import PREFIX, file_of, read_file, variable
from infra.errors import SettingsError
from infra.kafka.unpacking import unpack_safely
from infra.settings import Settings


def client_args(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for any aiokafka client; consumers unpack safely from then on.

    Raises SettingsError when a certificate cannot be used.
    """
    unpack_safely()
    args: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        args["ssl_context"] = _ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        args["sasl_mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            args["sasl_oauth_token_provider"] = _Token(settings)
        elif settings.kafka_password is not None:
            args["sasl_plain_username"] = settings.kafka_username
            args["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return args


def producer_args(settings: Settings) -> dict[str, Any]:
    """The same for any producer: what it writes is acknowledged by all replicas in sync, and compressed as the settings
    say. Raises SettingsError when a certificate cannot be used."""
    codec = settings.kafka_compression
    return {**client_args(settings), "acks": "all", "compression_type": None if codec == "none" else codec}


async def close(stop: Callable[[], Awaitable[None]]) -> None:
    """Awaits a client's own `stop` or `close`, but not for ever.

    A consumer's fetch task that is cancelled while it drops the requests of a lost assignment misses that, goes on, and
    is waited for without end. It obeys when it is cancelled once more; what does not obey then either is abandoned.
    """
    stopping = asyncio.ensure_future(stop())
    for _ in range(2):
        await asyncio.wait({stopping}, timeout=timing.KAFKA_CLOSE_SECONDS)
        if stopping.done():
            break
        stopping.cancel()
    if stopping.done() and not stopping.cancelled():
        stopping.result()


@asynccontextmanager
async def closing(stop: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Closes a client at the end of the block, also where it could not be started."""
    try:
        yield
    finally:
        await close(stop)


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    name, reason = "kafka_ca_file", ""
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
        if settings.kafka_cert_file is not None:
            name = "kafka_cert_file"
            # An empty password turns a key that is encrypted into an error instead of a question on the terminal.
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file, password="")
        return context
    except ssl.SSLError as error:
        reason = error.reason or "not in PEM form, or the key does not belong to the certificate"
    except OSError as error:
        reason = error.strerror or "cannot be read"
    raise SettingsError(f"{variable(name)}: the certificate cannot be used ({reason})")


class _Token(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """The password as bearer token; where it comes from a file, the file is read again for every connection, so that
    what renews the token only has to write it there."""

    def __init__(self, settings: Settings) -> None:
        self._password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
        self._file = file_of("kafka_password")

    async def token(self) -> str:
        """The token to log in with."""
        if self._file is None:
            return self._password
        return await asyncio.to_thread(read_file, f"{PREFIX}KAFKA_PASSWORD_FILE", self._file)
