"""Dataclasses as plain JSON and arrays, and back: no code runs on reading, so a file of them may lie anywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from shapely.geometry.base import BaseGeometry

Array = npt.NDArray[Any]


class Packer:
    """Takes a value apart: arrays go to one list, all else becomes JSON.

    Dataclasses, arrays, numbers, strings, times, geometries, enumerations, tuples, lists and dictionaries are known.
    A dataclass or an array that is held in several places is one again after reading.

    Attributes:
        arrays: Those met so far.
    """

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self._met: dict[int, tuple[Any, dict[str, Any]]] = {}  # what was met is held, or its id could be another's
        self._objects = 0

    def pack(self, value: Any) -> Any:
        """JSON that stands for a value.

        Raises:
            TypeError: It holds something of another kind.
        """
        if value is None or type(value) in (bool, int, float, str):
            return value
        if id(value) in self._met:
            return self._met[id(value)][1]
        if isinstance(value, np.ndarray):
            self.arrays.append(value)
            return self._keep(value, {"array": len(self.arrays) - 1})
        if is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value)
        if type(value) in (list, tuple):
            items = [self.pack(item) for item in value]
            return items if type(value) is list else {"tuple": items}
        if type(value) is dict:
            return {"dict": [[self.pack(key), self.pack(item)] for key, item in value.items()]}
        return _leaf(value)

    def _dataclass(self, value: Any) -> dict[str, Any]:
        number, self._objects = self._objects, self._objects + 1
        self._keep(value, {"same": number})
        parts = {one.name: self.pack(getattr(value, one.name)) for one in fields(value)}
        return {"class": _name(type(value)), "number": number, "fields": parts}

    def _keep(self, value: Any, reference: dict[str, Any]) -> dict[str, Any]:
        self._met[id(value)] = (value, reference)
        return reference


class Unpacker:
    """Puts together what a `Packer` took apart.

    Args:
        arrays: As it left them.
    """

    def __init__(self, arrays: Sequence[Array]) -> None:
        self._arrays = arrays
        self._objects: dict[int, Any] = {}

    def unpack(self, packed: Any) -> Any:
        """The value that some JSON stands for.

        Raises:
            ValueError: It stands for none.
        """
        if isinstance(packed, list):
            return [self.unpack(item) for item in packed]
        if not isinstance(packed, Mapping):
            return packed
        if "class" in packed:
            return self._dataclass(packed)
        kind, content = next(iter(packed.items()))
        if kind in _READ:
            return _READ[kind](content)
        if kind == "array":
            return self._arrays[content]
        if kind == "same":
            return self._objects[content]
        if kind == "tuple":
            return tuple(self.unpack(item) for item in content)
        if kind == "dict":
            return {self.unpack(key): self.unpack(item) for key, item in content}
        raise ValueError(f"{kind} is nothing that is kept")

    def _dataclass(self, packed: Mapping[str, Any]) -> Any:
        kind = _named(packed["class"])
        if (
            not (isinstance(kind, type) and is_dataclass(kind))
            or {one.name for one in fields(kind)} != packed["fields"].keys()
        ):
            raise ValueError(f"{packed['class']} isn't a dataclass of these fields")
        made: Any = object.__new__(kind)
        self._objects[packed["number"]] = made
        for name, part in packed["fields"].items():
            object.__setattr__(made, name, self.unpack(part))
        return made


def _leaf(value: Any) -> dict[str, Any]:
    if isinstance(value, Enum):
        return {"enum": [_name(type(value)), value.value]}
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, timedelta):
        return {"span": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, BaseGeometry):
        return {"wkb": shapely.to_wkb(value, hex=True)}
    if isinstance(value, Affine):
        return {"affine": list(value)[:6]}
    if isinstance(value, np.generic):
        return {"scalar": [value.dtype.str, value.item()]}
    raise TypeError(f"{type(value).__name__} can't be kept: make it a dataclass of arrays, numbers and strings")


_READ: dict[str, Callable[[Any], Any]] = {
    "enum": lambda content: _enumeration(content[0])(content[1]),
    "time": datetime.fromisoformat,
    "span": lambda content: timedelta(*content),
    "wkb": shapely.from_wkb,
    "affine": lambda content: Affine(*content),
    "scalar": lambda content: np.dtype(content[0]).type(content[1]),
}


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _named(name: str) -> Any:
    """What has a name in a module that is loaded already; nothing is imported for a file's sake."""
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def _enumeration(name: str) -> type[Enum]:
    kind = _named(name)
    if not (isinstance(kind, type) and issubclass(kind, Enum)):
        raise ValueError(f"{name} isn't an enumeration")
    return kind
