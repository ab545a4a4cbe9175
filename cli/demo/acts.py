"""The acts, in the order they are played."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from cli.demo import acts_commands, acts_facts, acts_trouble
from cli.demo.stage import Stage

ACTS: Sequence[tuple[str, Callable[[Stage], Awaitable[None]]]] = (
    ("The region arrives", acts_facts.region_arrives),
    ("Links come in", acts_commands.links_come_in),
    ("A doctor marries", acts_facts.doctor_marries),
    ("A patient relists, and the day comes", acts_facts.patient_relists),
    ("A doctor leaves, with a thousand patients", acts_facts.doctor_leaves),
    ("A vårdcentral is replaced by another", acts_facts.unit_is_replaced),
    ("Someone is protected", acts_facts.someone_is_protected),
    ("A command is refused, in Swedish", acts_commands.command_is_refused),
    ("A doctor takes a pause", acts_commands.doctor_pauses),
    ("Those without a doctor are distributed at random", acts_commands.random_distribution),
    ("A file of 2 000 rows with faults, corrected and sent again", acts_commands.file_with_faults),
    ("A malformed record lands in the dead letters", acts_trouble.malformed_record),
    ("A range of wrong records, replayed and verified", acts_trouble.bad_range),
    ("The service is killed in the middle of a burst, and started again", acts_trouble.killed_in_the_middle),
)
