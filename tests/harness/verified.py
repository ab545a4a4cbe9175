"""What `fastlakare verify` says of a running installation, and what is planted for it to find."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any

import asyncpg

from tests.harness.installation import ROOT
from tests.harness.session import Session


def run_verify(session: Session, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command, with the installation's settings and these."""
    environment = session.installation.environment() | {f"FASTLAKARE_{name}": text for name, text in settings.items()}
    command = session.installation.command("verify", *words)
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def verified(session: Session, *only: str) -> dict[str, Any]:
    """What `--json` prints of these checks, or of all."""
    done = run_verify(session, "--json", *(("--only", ",".join(only)) if only else ()))
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(document["differences"]), done.stderr
    return document


def unverified(session: Session, *only: str) -> list[tuple[str, str, str]]:
    """Every difference as (check, key, what)."""
    return [(one["check"], one["key"], one["what"]) for one in verified(session, *only)["differences"]]


def execute(session: Session, *statements: str) -> None:
    """Changes the installation's database behind its back."""

    async def run() -> None:
        pg = await asyncpg.connect(session.installation.database_url)
        try:
            for statement in statements:
                await pg.execute(statement)
        finally:
            await pg.close()

    asyncio.run(run())
