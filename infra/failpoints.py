"""Places where a test can make the process die or stop at once, named by the variable FASTLAKARE_FAILPOINT.

`relay:5-sent` dies there the first time, `relay:5-sent:3` the third time; with `=stop` at the end the process sleeps
there as under SIGSTOP, until SIGCONT wakes it.
"""

from __future__ import annotations

import os
import signal

_point, _, _how = os.environ.get("FASTLAKARE_FAILPOINT", "").partition("=")
_before, _, _count = _point.rpartition(":")
_name, _left = (_before, int(_count)) if _before and _count.isdigit() else (_point, 1)
_armed = bool(_name)


def hit(name: str) -> None:
    """Ends the process with status 137, as `kill -9` would, or stops it, where it is asked for (the Nth time)."""
    if _armed:
        _hit(name)


def _hit(name: str) -> None:
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        if _how == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            os._exit(137)
