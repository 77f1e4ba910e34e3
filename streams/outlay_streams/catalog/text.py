"""Catalog text (YAML, and JSON as its subset) to plain values that remember their lines.

Every scalar is read as text and takes its type from the schema: `discount: 12.50` stays exact, `id: 0042` keeps its
zeros and `name: no` is a name. Only `null` and an empty value mean "absent".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from outlay_streams.catalog.problem import CatalogError, Problem, pointer

MAX_NODES = 200_000
MAX_DEPTH = 32

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

_NULL = "tag:yaml.org,2002:null"
_MERGE = "<<"


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(_NULL, re.compile(r"^(?:~|null|Null|NULL|)$"))] for first in ("~", "n", "N", "")
    }


_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
"""A character beyond U+FFFF as JSON escapes it; YAML has a notation of its own."""


@dataclass(slots=True)
class Text:
    """A document read: its value, the line of each pointer, and what was wrong with it."""

    value: Value = None
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, place: str) -> int | None:
        """Return the line of `place` or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place.rpartition("/")[0]
        return self.lines.get(place)


def read_text(content: bytes) -> Text:
    """Read one document; raise `CatalogError` when it cannot be read at all."""
    try:
        node = yaml.compose(_joined_surrogates(content.decode("utf-8-sig")), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise CatalogError([Problem("", f"byte {error.start} is not UTF-8; save the file as UTF-8")]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise CatalogError([Problem("", f"not YAML: {error.problem}", line)]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise CatalogError([Problem("", f"not YAML: {error}")]) from error
    text = Text()
    if node is not None:
        text.value = _Walk(text).value(node, (), 0)
    return text


class _Walk:
    """Turns nodes into values, noting lines and repeated keys."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._nodes = 0

    def value(self, node: yaml.Node, place: tuple[str | int, ...], line: int) -> Value:
        self._count(node)
        self._text.lines[pointer(*place)] = line or node.start_mark.line + 1
        if len(place) > MAX_DEPTH:
            raise CatalogError([Problem(pointer(*place[:4]), f"nested more than {MAX_DEPTH} levels deep", line)])
        match node:
            case yaml.MappingNode():
                return self._mapping(node, place)
            case yaml.SequenceNode():
                return [self.value(item, (*place, position), 0) for position, item in enumerate(node.value)]
            case _:
                return None if node.tag == _NULL else str(node.value)

    def _mapping(self, node: yaml.MappingNode, place: tuple[str | int, ...]) -> Value:
        content: dict[str, Value] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == _MERGE:
                self._fault(place, "keys are plain text; merge keys (<<) are not supported", line)
                continue
            key = str(key_node.value)
            if key in content:
                self._fault(
                    (*place, key),
                    f"the key {key!r} is there twice (first on line {self._text.line(pointer(*place, key))}); keep one",
                    line,
                )
                continue
            content[key] = self.value(value_node, (*place, key), line)
        return content

    def _fault(self, place: tuple[str | int, ...], message: str, line: int) -> None:
        self._text.problems.append(Problem(pointer(*place), message, line))

    def _count(self, node: yaml.Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise CatalogError(
                [Problem("", f"more than {MAX_NODES:,} values; aliases count each time", node.start_mark.line + 1)]
            )


def _joined_surrogates(text: str) -> str:
    """Return JSON text with its surrogate pairs in YAML's notation; other text as it is."""
    return _SURROGATES.sub(_joined, text) if text.lstrip().startswith("{") else text


def _joined(found: re.Match[str]) -> str:
    character = bytes.fromhex(found[2] + found[3]).decode("utf-16-be")
    return f"{found[1]}\\U{ord(character):08x}"
