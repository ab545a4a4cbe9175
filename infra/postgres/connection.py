"""How every connection to PostgreSQL is made."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from infra import timing
from infra.environment import variable
from infra.errors import DatabaseUnreachable, SettingsError
from infra.settings import Settings

# A process that sleeps must not keep its locks (architecture.md): the server ends its transaction, and notices a peer
# that is gone, by itself. Times in ms but for the keepalives, which are in seconds.
_SERVER_SETTINGS = {
    "idle_in_transaction_session_timeout": str(timing.ms(timing.STALLED_SESSION_SECONDS)),
    "tcp_keepalives_idle": str(timing.KEEPALIVE_IDLE_SECONDS),
    "tcp_keepalives_interval": str(timing.KEEPALIVE_INTERVAL_SECONDS),
    "tcp_keepalives_count": str(timing.KEEPALIVE_COUNT),
    "tcp_user_timeout": str(timing.ms(timing.TCP_USER_TIMEOUT_SECONDS)),
    "jit": "off",  # set-based statements of a few ms gain nothing from being compiled
}
_CLIENT_SOCKET = (
    ("TCP_KEEPIDLE", timing.KEEPALIVE_IDLE_SECONDS),
    ("TCP_KEEPINTVL", timing.KEEPALIVE_INTERVAL_SECONDS),
    ("TCP_KEEPCNT", timing.KEEPALIVE_COUNT),
    ("TCP_USER_TIMEOUT", timing.ms(timing.TCP_USER_TIMEOUT_SECONDS)),
)
#: Where the role has a statement_timeout, waiting for a lock ends before it and as what it is: nobody's fault.
_LOCK_TIMEOUT = """
SELECT set_config('lock_timeout', greatest(setting::int / 2, 1)::text, false)
FROM pg_settings WHERE name = 'statement_timeout' AND setting <> '0'
"""
#: what asyncpg raises itself: nobody knows then in which state it leaves its transaction
_DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


def create_engine(settings: Settings, *, pool_size: int = 5, application_name: str = "fastlakare") -> AsyncEngine:
    """An engine on the settings' database. The pool never grows over `pool_size`, and tries a connection before it
    hands it out, so that one outage costs one error. Statements' parameters never stand in an exception's text (D1).
    """
    url = settings.database_url.get_secret_value()
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url, application_name=application_name),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_use_lifo=True,
        hide_parameters=True,
        json_deserializer=orjson.loads,
    )


@asynccontextmanager
async def checkout(engine: AsyncEngine, *, close: bool = False) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the pool, as the driver has it: for COPY, and for statements in the inner loop. With `close` it
    is never given back.

    A task that is cancelled while asyncpg begins or ends a transaction leaves it open, and SQLAlchemy, which did not
    begin it, does not look: whoever had the connection next would commit a savepoint of it, be told that all went well,
    and lose it. So a connection whose block was cancelled, or met an error of the driver's, is closed.
    """
    async with engine.connect() as connection:
        pg: asyncpg.Connection = (await connection.get_raw_connection()).driver_connection
        try:
            yield pg
        except BaseException as error:
            close = close or not isinstance(error, Exception) or isinstance(error, _DRIVER_ERRORS)
            raise
        finally:
            if close:
                pg.terminate()
                await connection.invalidate()


async def connect(url: str, *, application_name: str = "fastlakare") -> asyncpg.Connection:
    """One connection. asyncpg reads the URL as libpq does: sslmode, sslrootcert, several hosts, a socket's folder ...

    Raises DatabaseUnreachable, SettingsError for a URL that is none, and asyncpg's errors when the server refuses.
    """
    server_settings = {"application_name": application_name, **_SERVER_SETTINGS}
    try:
        connection = await asyncpg.connect(
            url, server_settings=server_settings, timeout=timing.DATABASE_CONNECT_SECONDS
        )
    except asyncpg.exceptions.ClientConfigurationError as error:
        raise SettingsError(f"{variable('database_url')}: {error}") from None
    except ValueError:  # its text would quote the URL
        raise SettingsError(f"{variable('database_url')}: cannot be read as a PostgreSQL URL") from None
    except OSError as error:
        reason = error.strerror or str(error) or f"no answer in {timing.DATABASE_CONNECT_SECONDS:.0f} s"
        if isinstance(error, FileNotFoundError | PermissionError):
            reason += f", a socket or certificate that {variable('database_url')} names"
        raise DatabaseUnreachable(f"the database cannot be reached: {reason}") from error
    _keep_alive(connection)
    await connection.execute(_LOCK_TIMEOUT)
    return connection


async def database_role(pg: asyncpg.Connection) -> str:
    """The role that the connection is logged in as."""
    role: str = await pg.fetchval("SELECT current_user")
    return role


def _keep_alive(connection: Any) -> None:
    """The client's own half: asyncpg has no setting for a server that vanishes without a word."""
    sock = connection._transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _CLIENT_SOCKET:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
