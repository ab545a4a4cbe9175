"""A message's JSON Schema as a tree of what may stand where: values are drawn from it, and places to bend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from schemas.asyncapi import schema
from tests.fuzz.world import SENSIBLE, TEXTS, World

Json = dict[str, Any]

#: how often a field is given that need not be; those on which most decisions hang more often
_GIVEN, _GIVEN_MOSTLY = 0.6, 0.95
_DECISIVE = frozenset({"position_code", "licences", "current", "employments"})
_LONGEST_LIST = 3


@dataclass(slots=True)
class Node:
    """One place in a message. `kinds` are the JSON types it may have, `rules` what the schema says of them."""

    name: str
    kinds: frozenset[str]
    rules: Json
    fields: dict[str, Node] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Node | None = None
    #: what is too long here is refused, not dead-lettered: a vårdcentral waits for an answer (C6)
    answered: bool = False

    def draw(self, world: World) -> Any:
        """A value that the schema allows, mostly one that makes sense in the world."""
        sensible = SENSIBLE.get(self.name)
        if sensible is not None and not world.chance(0.02):
            value = sensible(world)
            if value is not None or "null" in self.kinds:
                return value
        return self.draw_by_schema(world)

    def draw_by_schema(self, world: World) -> Any:
        """A value that the schema allows, whatever the field is called."""
        if "null" in self.kinds and world.chance(0.05 if self.name in _DECISIVE else 0.2):
            return None
        if "enum" in self.rules:
            return world.pick(self.rules["enum"])
        if self.fields:
            return self.draw_object(world)
        if self.items is not None:
            most = min(_LONGEST_LIST, self.rules.get("maxItems", _LONGEST_LIST))
            length = most - world.below(2 if self.name in _DECISIVE else most + 1)
            return [self.items.draw(world) for _ in range(length)]
        if "boolean" in self.kinds:
            return world.chance(0.5)
        if "integer" in self.kinds:
            return self._integer(world)
        if "number" in self.kinds:
            return round(world.rng.random() * 5, 3)
        return self._text(world)

    def draw_object(self, world: World) -> Json:
        """All that must be given, and some of the rest."""
        return {
            name: inner.draw(world)
            for name, inner in self.fields.items()
            if name in self.required or world.chance(_GIVEN_MOSTLY if name in _DECISIVE else _GIVEN)
        }

    def _integer(self, world: World) -> int:
        low, high = self.rules.get("minimum", -(2**63)), self.rules.get("maximum", 2**63 - 1)
        if world.chance(0.1):
            return int(world.pick((low, high)))
        return int(min(high, max(low, world.below(100))))

    def _text(self, world: World) -> str:
        if self.rules.get("format") == "date":
            return world.near(-40, 40)
        if "pattern" in self.rules:
            return world.unit()
        text = str(world.pick(TEXTS))
        least, most = self.rules.get("minLength", 0), self.rules.get("maxLength", len(text))
        return text[:most].ljust(least, "x")


class Place(NamedTuple):
    """A value in a message: what holds it, under which key or index, and what may stand there."""

    holder: Any
    key: Any
    node: Node
    required: bool


def places(node: Node, value: Any) -> Iterator[Place]:
    """Every place in a value that was drawn from the node."""
    if isinstance(value, dict):
        for name, inner in value.items():
            below = node.fields.get(name)
            if below is not None:
                yield Place(value, name, below, name in node.required)
                yield from places(below, inner)
    elif isinstance(value, list) and node.items is not None:
        for index, inner in enumerate(value):
            yield Place(value, index, node.items, False)
            yield from places(node.items, inner)


@cache
def message(ce_type: str) -> Node:
    """The tree of a message's data."""
    whole = schema(ce_type)
    return _node("", whole, whole.get("$defs", {}))


def _node(name: str, part: Json, defs: Json, *, answered: bool = False) -> Node:
    kinds: set[str] = set()
    rules: Json = {}
    for variant in _variants(part, defs):
        kinds |= _kinds(variant)
        rules |= {rule: value for rule, value in variant.items() if rule != "type"}
    answered = answered or name == "profile"
    properties = rules.get("properties", {}).items()
    fields = {inner: _node(inner, below, defs, answered=answered) for inner, below in properties}
    items = _node(name.removesuffix("s"), rules["items"], defs) if "items" in rules else None
    required = frozenset(rules.get("required", ()))
    return Node(name, frozenset(kinds), rules, fields, required, items, answered)


def _variants(part: Json, defs: Json) -> Iterator[Json]:
    """The alternatives, references followed; what stands beside them belongs to each."""
    if "$ref" in part:
        yield from _variants(defs[part["$ref"].rpartition("/")[2]], defs)
    elif "anyOf" in part:
        for variant in part["anyOf"]:
            yield from _variants(variant, defs)
    else:
        yield part


def _kinds(variant: Json) -> set[str]:
    kind = variant.get("type")
    if isinstance(kind, list):
        return set(kind)
    return {kind} if kind is not None else {"string"}
