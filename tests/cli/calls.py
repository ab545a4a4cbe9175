"""Calls of every command that changes something, each of which would change something in the tests that walk them."""

from __future__ import annotations

from schemas.topics import KIV_STAFF, LISTNING_COMMAND, VARDVAL_LISTING
from tests.cli.dlq.letters import IDS

#: on a database with open and discarded letters and a stopped release (tests/cli/test_grammar.py)
ON_A_DATABASE = [
    ["dlq", "discard", "--all"],
    ["dlq", "discard", IDS[0]],
    ["dlq", "discard", "--topic", KIV_STAFF],
    ["dlq", "restore", "--all"],
    ["dlq", "release-guard"],
    ["dlq", "release-guard", "--topic", VARDVAL_LISTING],
]
#: on an installation with open letters and a partition that stopped (tests/system/test_grammar.py); replays may
#: have events, so they need the service
ON_AN_INSTALLATION = [
    ["partition", "skip", f"{LISTNING_COMMAND}/{{stopped}}"],
    ["dlq", "replay", "--all"],
    ["replay", VARDVAL_LISTING],
    ["republish", "--all", "--topic", "doctor"],
    ["reconcile", "listing"],
]
