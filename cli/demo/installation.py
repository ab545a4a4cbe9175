"""What the demo starts, in a folder of its own: broker, database, and the service as a process that can be killed."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import asyncpg
import orjson

from infra import timing
from infra.embedded.broker import PARTITIONS, Broker
from infra.embedded.ports import free_port
from infra.embedded.postgres import Postgres
from infra.environment import PREFIX
from infra.errors import ServiceEnded
from infra.postgres.migrations import upgrade
from schemas.topics import TOPICS

_DATABASE = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "50"}
_ROOT = Path(__file__).parents[2]


class Installation:
    """One installation of the service, on embedded servers."""

    def __init__(self, folder: Path, bootstrap: str, database_url: str) -> None:
        self.bootstrap, self.database_url = bootstrap, database_url
        self.http = f"http://127.0.0.1:{free_port()}"
        self.secret = secrets.token_hex(32)
        self.starts = 0
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    def environment(self, **more: str) -> dict[str, str]:
        """For any `fastlakare` command: nothing of the caller's own settings."""
        ours = {
            "DATABASE_URL": self.database_url, "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap, "OWN_CLOCK": "false",
            "PATIENT_KEY_SECRET": self.secret, "PARTITIONS": str(PARTITIONS), "DOCTOR_FIGURES_EVERY": "1",
            "BATCH_RECORDS": "500", "HTTP_PORT": self.http.rpartition(":")[2], "LOG_FORMAT": "json", **more,
        }  # fmt: skip
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        theirs = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
        return {**theirs, "PYTHONPATH": path, **{f"{PREFIX}{name}": value for name, value in ours.items()}}

    async def launch(self, *words: str, output: int | None = None) -> asyncio.subprocess.Process:
        """A `fastlakare` command as a process of its own; in the folder, where no `.env` is."""
        with (self._folder / f"{words[0]}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cli.main", *words, env=self.environment(), cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL, stdout=log if output is None else output, stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops the service itself
            )  # fmt: skip

    def write(self, name: str, text: str) -> str:
        """A file in the folder, where `fastlakare` commands find it by its name."""
        (self._folder / name).write_text(text, encoding="utf-8-sig")
        return name

    async def run(self, *words: str) -> list[str]:
        """A `fastlakare` command from start to end; returns the lines it printed. Raises ServiceEnded where it could
        not do its work."""
        process = await self.launch(*words, output=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        if process.returncode not in (0, 1):
            raise ServiceEnded((self._folder / f"{words[0]}.log").read_text(errors="replace")[-2000:])
        return [line.rstrip() for line in output.decode().splitlines() if line.strip()]

    async def start(self) -> int:
        """`fastlakare run`, until it says that it is ready; returns its process id."""
        self.starts += 1
        self._process = await self.launch("run")
        async with asyncio.timeout(timing.DEMO_START_SECONDS):
            while await self._get("/readyz") is None:
                self._must_live()
                await asyncio.sleep(timing.DEMO_POLL_SECONDS)
        return self._process.pid

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """Tells the service to stop, and kills it where it does not."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(timing.DEMO_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def behind(self) -> int | None:
        """How many records and events are still to be handled; None when nobody answers."""
        answer = await self._get("/lag")
        if answer is None:
            self._must_live()
            return None
        lag = orjson.loads(answer)
        return int(sum(lag["inputs"].values()) + lag["outbox"] + lag["figures"] + lag["working"])

    async def quiet(self) -> None:
        """Returns when all that was in has been answered, twice in a row."""
        async with asyncio.timeout(timing.DEMO_IDLE_SECONDS):
            times = 0
            while times < 2:
                times = times + 1 if await self.behind() == 0 else 0
                await asyncio.sleep(timing.DEMO_POLL_SECONDS)

    def _must_live(self) -> None:
        if self._process is not None and self._process.returncode is not None:
            raise ServiceEnded((self._folder / "run.log").read_text(errors="replace")[-2000:])

    async def _get(self, path: str) -> bytes | None:
        return await asyncio.to_thread(_answer, self.http + path)


def _answer(url: str) -> bytes | None:
    try:
        with urlopen(url, timeout=timing.DEMO_HTTP_SECONDS) as response:  # noqa: S310  # our own endpoint
            body: bytes = response.read()
            return body
    except (URLError, OSError):  # an answer that it is not ready included
        return None


@asynccontextmanager
async def installation() -> AsyncIterator[tuple[Installation, asyncpg.Connection]]:
    """An installation that runs, with a connection to its database. All of it is stopped and removed at the end,
    whatever ends it."""
    with (
        TemporaryDirectory(prefix="fastlakare-demo-") as name,
        _database(Path(name) / "data") as url,
        _broker() as broker,
    ):
        await asyncio.to_thread(upgrade, url)
        broker.make_topics(topic.name for topic in TOPICS)
        installation = Installation(Path(name), broker.bootstrap, url)
        try:
            await installation.start()
            connection = await asyncpg.connect(url)
            try:
                yield installation, connection
            finally:
                connection.terminate()
        finally:
            await installation.stop()


@contextmanager
def _broker() -> Iterator[Broker]:
    broker = Broker()
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    server = Postgres(folder, _DATABASE)
    try:
        server.start()
        yield server.url()
    finally:
        with suppress(CalledProcessError):  # it may not have come so far
            server.stop("immediate")
