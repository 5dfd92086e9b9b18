"""What is taken apart and put together again is what it was."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from affine import Affine
from shapely import Point

from detectors.base import ChangeType
from flows.plain import Packer, Unpacker


@dataclass(slots=True)
class Knot:
    """May know itself.

    Attributes:
        parent: Another one.
    """

    name: str
    parent: Knot | None = None
    parts: list[object] = field(default_factory=list)


def there_and_back(value: object) -> object:
    packer = Packer()
    packed = json.loads(json.dumps(packer.pack(value)))
    return Unpacker(packer.arrays).unpack(packed)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        0.1 + 0.2,
        "\u00e4",
        (1, "a", (2.0,)),
        [1, [2, None]],
        {("B02", "B03"): 1, "x": {2: [3]}},
        datetime(2020, 1, 2, 3, 4, 5, 6, UTC),
        timedelta(minutes=10, microseconds=1),
        Point(0.1, 0.2).buffer(1.0),
        Affine(10.0, 0.0, 5.5, 0.0, -10.0, 7.25),
        np.float32(0.1),
        np.int64(7),
        ChangeType.BUILDING_ADDED,
        Knot("a", None, [1.5]),
    ],
)
def test_values_come_back(value: object) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


def test_what_is_one_stays_one() -> None:
    shared = np.zeros(3)
    parent = Knot("parent", None, [shared])
    child = Knot("child", parent, [shared])
    parent.parts.append(child)
    first, second = there_and_back([parent, child])
    assert second.parent is first
    assert first.parts[1] is second
    assert first.parts[0] is second.parts[0]


def test_what_cannot_be_kept_is_named() -> None:
    with pytest.raises(TypeError, match="function can't be kept"):
        Packer().pack([lambda: None])


@pytest.mark.parametrize("name", ["os:system", "builtins:dict", "nowhere:Nothing", "datetime:datetime", "tests:"])
def test_nothing_but_dataclasses_is_made(name: str) -> None:
    with pytest.raises(ValueError, match="isn't a dataclass"):
        Unpacker([]).unpack({"class": name, "number": 0, "fields": {}})
