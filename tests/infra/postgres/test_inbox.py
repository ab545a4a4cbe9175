"""What a command is remembered by (C2)."""

from __future__ import annotations

from infra.postgres.inbox import command_name


def test_what_a_command_is_remembered_by_keeps_source_and_id_apart() -> None:
    assert command_name("a/b", "c") != command_name("a", "b/c")
