"""Places where a test can make the process die at once, named by the variable FASTLAKARE_FAILPOINT."""

from __future__ import annotations

import os

_name, _, _count = os.environ.get("FASTLAKARE_FAILPOINT", "").partition(":")
_armed = bool(_name)
_left = int(_count) if _count.isdigit() else 1


def hit(name: str) -> None:
    """Ends the process with status 137, as `kill -9` would, where `name` (or the Nth time, `name:N`) is asked for."""
    if _armed:
        _hit(name)


def _hit(name: str) -> None:
    global _left
    if name == _name:
        _left -= 1
        if _left <= 0:
            os._exit(137)
