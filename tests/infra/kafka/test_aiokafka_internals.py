"""The parts of aiokafka that it promises nobody and that exactly-once rests on: a release that moves one fails here,
and not in silence at work."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.producer.sender import Sender
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol import fetch
from aiokafka.protocol.types import Array
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as fast_default_records
from aiokafka.record._crecords import legacy_records as fast_legacy_records
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

from tests.harness.pages import ROOT

#: attribute -> whose it is: a class of which the source sets or defines it
INTERNALS: dict[str, type] = {
    "_buffer": _DefaultRecordBatchPy,
    "_client": AIOKafkaConsumer,
    "_closed": AIOKafkaProducer,
    "_coordinator": AIOKafkaConsumer,
    "_maybe_uncompress": _DefaultRecordBatchPy,
    "_next_slice": _MemoryRecordsPy,
    "_records": fetcher.PartitionRecords,
    "_sender": AIOKafkaProducer,
    "_subscription": AIOKafkaConsumer,
    "_txn_manager": AIOKafkaProducer,
    "_tp": fetcher.PartitionRecords,
    "_unpack_records": fetcher.PartitionRecords,
}
#: what is not private by its name, but undocumented
UNDOCUMENTED: list[tuple[type, str]] = [
    (AIOKafkaAdminClient, "_client"),
    (AIOKafkaProducer, "client"),
    (Sender, "sender_task"),
    (GroupCoordinator, "check_errors"),
    (SubscriptionState, "subscription"),
    (fetcher.PartitionRecords, "next_fetch_offset"),
    (_MemoryRecordsPy, "next_batch"),
    (_DefaultRecordBatchPy, "validate_crc"),
    (TransactionManager, "maybe_add_partition_to_txn"),
]


def private_names(source: str) -> Iterator[str]:
    """Private attributes that a module uses and does not make itself."""
    tree = ast.parse(source)
    own = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    own |= {node.attr for node in used if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)}
    fields = [node.target for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    own |= {target.id for target in fields if isinstance(target, ast.Name)}
    overridden = {node.attr for node in used if isinstance(node.value, ast.Call)}  # super()._name
    for node in used:
        if not node.attr.startswith("__") and (node.attr not in own or node.attr in overridden):
            yield node.attr


def has(owner: type, name: str) -> bool:
    """Whether the class, or one that it inherits from, defines the name or sets it on itself."""
    return hasattr(owner, name) or any(
        f"self.{name} " in inspect.getsource(one) or f"self.{name}:" in inspect.getsource(one)
        for one in owner.__mro__
        if one.__module__.startswith("aiokafka")
    )


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for name, owner in INTERNALS.items()] + UNDOCUMENTED)
def test_aiokafka_has_what_we_use_of_its_insides(owner: type, name: str) -> None:
    assert has(owner, name)


def test_the_list_names_all_that_we_use() -> None:
    files = [*(ROOT / "infra/kafka").glob("*.py"), *(ROOT / "workers").rglob("*.py")]
    used = {name for path in files for name in private_names(path.read_text(encoding="utf-8"))}
    assert used - {"_replace", "_asdict", "_exit"} <= INTERNALS.keys()


@pytest.mark.parametrize("module", [default_records, legacy_records, fast_default_records, fast_legacy_records])
def test_records_are_unpacked_by_the_functions_that_are_replaced(module: Any) -> None:
    names = {name for name in ("gzip_decode", "lz4_decode", "zstd_decode") if hasattr(module, name)}
    assert {"gzip_decode", "lz4_decode"} <= names


def test_the_fetcher_reads_by_the_classes_that_are_replaced() -> None:
    source = inspect.getsource(fetcher)
    assert "PartitionRecords(" in source
    assert "MemoryRecords(" in source


def test_what_was_aborted_is_the_only_array_of_a_partition_in_every_version_of_a_fetch() -> None:
    versions = {kind.API_VERSION: kind for name, kind in vars(fetch).items() if name.startswith("FetchResponse_v")}
    for version in range(4, max(versions) + 1):
        topic = versions[version].SCHEMA.fields[-1].array_of
        partition = topic.fields[-1].array_of
        arrays = [name for name, kind in zip(partition.names, partition.fields, strict=True) if isinstance(kind, Array)]
        assert arrays == ["aborted_transactions"]
        assert (partition.names[1], partition.names[-1]) == ("error_code", "message_set")
