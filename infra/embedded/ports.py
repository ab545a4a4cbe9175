"""Ports on loopback."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

#: below those that systems hand out to outgoing connections, one of which could take a port before its server does
_FIRST, _LAST = 15_000, 32_000
_TRIES = 100


def free_port() -> int:
    """A TCP port that nobody listens on right now. Raises OSError where there seems to be none."""
    for _ in range(_TRIES):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no free port on loopback between {_FIRST} and {_LAST}")
