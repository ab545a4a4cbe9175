"""Single moments that people wait for: a doctor leaves, a file is imported, patients are moved, one event goes through."""

from __future__ import annotations


def moments(servers):
    raise SystemExit
