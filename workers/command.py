"""listning.command.v1: what vårdcentraler ask for."""

from __future__ import annotations

from handlers import command
from handlers.deciding import Handlers
from schemas.command import COMMANDS

HANDLERS: Handlers = dict.fromkeys(COMMANDS, command)
