"""The import as messages: its parts, and ids that the same file always gets again (contract.md, An import in parts)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from schemas.command import ROWS_PER_PART, Actor, ImportLinks, ImportRow, Override
from schemas.envelope import Headers, binary_headers
from schemas.ids import normal_hsa_id

SOURCE = "fastlakare-import"
TYPE = f"se.vgregion.listning.{ImportLinks.name}.v1"
#: below the 1 MiB that the contract allows a value
_PART_BYTES = 800_000
_DIGEST_CHARS = 32


@dataclass(frozen=True)
class Part:
    """One message; `key` is the unit."""

    id: str
    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True)
class ImportRequest:
    """What is asked for; `import_id` is a name that sets an import apart from others of the same content."""

    unit: str
    actor: str
    role: str
    override: tuple[Override, ...]
    dry_run: bool
    import_id: str | None
    rows: Sequence[ImportRow] = ()

    def fingerprint(self) -> str:
        """The same for the same rows and options, on any machine. Slow on purpose: a file of one row must not be
        found out by trying every personnummer (D1)."""
        said = [self.unit, self.actor, self.role, sorted(self.override), self.dry_run, self.import_id]
        content = orjson.dumps([said, [list(row.model_dump().values()) for row in self.rows]])
        digest = hashlib.scrypt(hashlib.sha256(content).digest(), salt=SOURCE.encode(), n=2**14, r=8, p=1)
        return digest.hex()[:_DIGEST_CHARS]


@dataclass(frozen=True)
class Import:
    """One sending of a request. `attempt` from 1: the next when an earlier run's refusal is to be judged anew."""

    request: ImportRequest
    fingerprint: str
    attempt: int = 1

    @property
    def import_id(self) -> str:
        """What the unit's parts share. It always has the content in it: parts of two files that share a name must not
        be taken for one file."""
        return f"{self.request.import_id or 'fil'}-{self.fingerprint}" + (
            f"-{self.attempt}" if self.attempt > 1 else ""
        )

    @property
    def prefix(self) -> str:
        """How the ids begin of all commands of this import."""
        named = orjson.dumps([self.request.unit, self.import_id])
        return f"{hashlib.sha256(named).hexdigest()[:_DIGEST_CHARS]}/"

    def parts(self, at: datetime) -> list[Part]:
        """The messages, said at `at`, in request."""
        request = self.request
        unit = normal_hsa_id(request.unit) or request.unit
        actor = Actor(id=request.actor, role=request.role, unit_hsa_id=unit)
        chunks = list(_chunks(request.rows))
        parts = []
        for number, rows in enumerate(chunks, start=1):
            command = ImportLinks(
                unit_hsa_id=unit,
                actor=actor,
                import_id=self.import_id,
                part=number,
                parts=len(chunks),
                rows=tuple(rows),
                override=request.override,
                dry_run=request.dry_run,
            )
            id = f"{self.prefix}{number}"
            headers = binary_headers(id, SOURCE, TYPE, at)
            parts.append(Part(id, unit.encode(), command.model_dump_json(exclude_none=True).encode(), headers))
        return parts


def _chunks(rows: Sequence[ImportRow]) -> Iterator[list[ImportRow]]:
    """As few as the contract's numbers allow: rows in a part, and bytes in a value."""
    chunk: list[ImportRow] = []
    size = 0
    for row in rows:
        bytes_ = len(row.model_dump_json(exclude_none=True).encode()) + 1
        if chunk and (len(chunk) == ROWS_PER_PART or size + bytes_ > _PART_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += bytes_
    yield chunk
