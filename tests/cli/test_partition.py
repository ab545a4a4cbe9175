"""What `partition show` says to people, and what is told of what was lost (servers: tests/system/test_retention.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.partition import screen
from infra.errors import UnusableSelection
from infra.kafka.groups import Member
from infra.kafka.log_reader import Ends
from infra.postgres.partitions import StoredPosition
from schemas.topics import KIV_STAFF, LISTNING_COMMAND, VARDVAL_LISTING
from workers.operations.partitions import Break, InputPartition, read_place

MEMBER = Member("aiokafka-0.12.0-9d1c6a1e-7d1c-4a44-8a8a-1b2c3d4e5f60", "10.0.0.17", frozenset())
ENDS = Ends(9_060_000, 12_000_000, 12_000_010)
DELETED = Break("deleted", "the next offset (8120000) was deleted from the topic", (8_120_000, 9_060_000), None)
STOPPED = InputPartition(VARDVAL_LISTING, 3, StoredPosition(4, 8_120_000, None), ENDS, DELETED, {}, ())
GUARDED = InputPartition(
    LISTNING_COMMAND, 11, StoredPosition(4, 812, None), Ends(0, 812, 812), None, {"1.0.1": "stopped at 812"}, (MEMBER,)
)
NEVER_READ = InputPartition(KIV_STAFF, 0, StoredPosition(0, None, None), Ends(0, 0, 0), None, {}, (MEMBER,))


def test_a_table_of_80_columns_tells_state_and_holder_and_then_why(capsys: pytest.CaptureFixture[str]) -> None:
    screen.partitions([STOPPED, GUARDED, NEVER_READ])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "partition               position  begin    end       state    held by",
        "vardval.listing.v1/3    8120000   9060000  12000010  deleted  nobody",
        "listning.command.v1/11  812       0        812       guarded  10.0.0.17",
        "kiv.staff.v1/0          earliest  0        0         goes on  10.0.0.17",
        "vardval.listing.v1/3: the next offset (8120000) was deleted from the topic",
        "    lost: offsets 8120000-9059999 were deleted before they were read",
        "listning.command.v1/11: release 1.0.1 stopped at 812",
    ]


def test_scripts_get_the_same_with_ranges_without_their_end() -> None:
    assert replace(STOPPED, held_by=(MEMBER,)).as_json() == {
        "topic": VARDVAL_LISTING,
        "partition": 3,
        "position": 8_120_000,
        "begin": 9_060_000,
        "stable": 12_000_000,
        "end": 12_000_010,
        "stopped": {"why": "deleted", "text": DELETED.text},
        "lost": {"from": 8_120_000, "to": 9_060_000},
        "guarded": {},
        "held_by": [{"member": MEMBER.id, "host": "10.0.0.17"}],
    }
    assert NEVER_READ.as_json() | {"held_by": []} == {
        "topic": KIV_STAFF,
        "partition": 0,
        "position": None,
        "begin": 0,
        "stable": 0,
        "end": 0,
        "stopped": None,
        "lost": None,
        "guarded": {},
        "held_by": [],
    }


def test_only_what_nothing_stopped_goes_on() -> None:
    assert [one.goes_on for one in (STOPPED, GUARDED, NEVER_READ)] == [False, False, True]


def test_what_is_lost_is_said_by_why_it_is_lost() -> None:
    assert DELETED.describes_lost == "offsets 8120000-9059999 were deleted before they were read"
    assert Break("unreadable", "damaged", (7, 8), 8).describes_lost == "offsets 7-7 cannot be read"
    assert Break("cut_back", "it was cut back", None, None).describes_lost == "it was cut back"


def test_who_holds_a_partition_is_told_with_what_to_do() -> None:
    assert screen.held(GUARDED) == (
        f"listning.command.v1/11 is held by {MEMBER.id} on 10.0.0.17: stop every process that reads listning.command.v1"
        " (one that was killed is counted for some ten seconds more)"
    )


def test_a_partition_is_named_with_and_without_the_prefix() -> None:
    assert read_place("kiv.staff.v1/3") == read_place("acc.kiv.staff.v1/3", "acc.") == ("kiv.staff.v1", 3)


@pytest.mark.parametrize(
    "text", ["kiv.staff.v1", "kiv.staff.v1/", "kiv.staff.v1/x", "1177.fast-lakarkontakt.v1/0", "/0"]
)
def test_what_is_no_input_partition_is_refused(text: str) -> None:
    with pytest.raises(UnusableSelection, match="TOPIC/PARTITION"):
        read_place(text)
