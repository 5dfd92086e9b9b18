"""Closed outlines in new lines, whatever they enclose.

Segments of lines are drawn on past their ends to meet their neighbours, and cut the ground into faces.
Faces are merged in the order of how little is seen of the boundary between them: what is left undivided longest is what
is best enclosed (Arbelaez, Maire, Fowlkes and Malik 2011, IEEE TPAMI 33(5), on a partition as that of Bauchet and
Lafarge 2018, CVPR). An empty yard behind a wall, in which nothing but the wall is new, is found by its closure alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from detectors.line_strength import Strength
from detectors.partition import Partition, within
from detectors.perimeter_parameters import ClosureParameters
from detectors.ring_shapes import shared_area
from detectors.segments import straight_segments
from detectors.side_support import Points, line_support, support_share

_PART = 0.7  # of a ring's ground; what holds more of it may be the ring itself
_WITHIN = 0.8  # of an outline's ground

#: Length of the border of each region with each of its neighbours, and how much of it is seen, pixels.
_Borders = dict[int, dict[int, tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class _Region:
    """A face, or two regions together: how long their outline is and how much of it is seen, pixels."""

    parts: int | tuple[_Region, _Region]
    area: float
    length: float
    seen: float

    def joined(self, other: _Region, border: tuple[float, float]) -> _Region:
        """Both together, without the border between them: its length and how much of it is seen."""
        length, seen = (2.0 * between for between in border)
        return _Region(
            (self, other),
            self.area + other.area,
            self.length + other.length - length,
            self.seen + other.seen - seen,
        )

    @property
    def faces(self) -> list[int]:
        """Numbers of the faces."""
        faces, left = [], [self]
        while left:
            parts = left.pop().parts
            if isinstance(parts, int):
                faces.append(parts)
            else:
                left += parts
        return faces


def closed_outlines(
    gain: Strength, gsd_m: float, parameters: ClosureParameters, standing: Sequence[Polygon] = ()
) -> list[Polygon]:
    """The best enclosed places, those whose outlines are newly seen furthest first.

    Args:
        gain: uint8 (orientation, y, x): line strength gained, 0 where nothing can be compared.
        gsd_m: Pixel size, metres.
        parameters: Of this search.
        standing: Rings that stand; what is fenced in within them takes no place among the best.

    Returns:
        Polygons without holes in pixel coordinates, 0 at the centre of the first pixel; no two share most of their
        ground.
    """
    shape = gain.shape[1:]
    starts, ends = _drawn_on(
        *straight_segments(gain, parameters.newness, parameters.chance, parameters.least_px, parameters.most_segments),
        shape,
        parameters,
    )
    if len(starts) < 3:
        return []
    partition = Partition.by(starts, ends, shape)
    strength, edge = line_support(gain, partition.starts, partition.ends)
    share = support_share(strength, *parameters.newness)
    seen = np.bincount(edge, share) / np.bincount(edge) * partition.lengths
    least, most = (area / gsd_m**2 for area in parameters.area_m2)
    found = [
        region
        for region in _merged(partition, seen)
        if least <= region.area <= most
        and region.seen >= parameters.least_seen * region.length
        and 4.0 * np.pi * region.area >= parameters.least_compact * region.length**2
    ]
    found.sort(key=lambda region: region.seen - parameters.chance * region.length, reverse=True)
    return _apart(found, partition, standing, parameters.most_outlines)


def _drawn_on(
    starts: Points, ends: Points, shape: tuple[int, ...], parameters: ClosureParameters
) -> tuple[Points, Points]:
    """Segments drawn on past either end, as far as the image goes, to meet what encloses with them."""
    length = np.hypot(*(ends - starts).T)
    along = (ends - starts) / np.maximum(length, 1e-9)[:, None]
    on = parameters.past_px + parameters.past_share * length
    return within(starts, along, -on, length + on, shape)


def _merged(partition: Partition, seen: npt.NDArray[np.float64]) -> Iterator[_Region]:
    """Faces and what they are merged into, two by two, that don't reach the frame.

    Args:
        partition: The faces.
        seen: float64 (edge,): how much of each edge is seen, pixels.
    """
    outside = len(partition.areas)
    borders = _borders(partition, seen)
    area = partition.areas.tolist()
    regions = {face: _region(face, area[face], borders[face]) for face in range(outside)}
    yield from (region for face, region in regions.items() if outside not in borders[face])
    queue = [
        (shown / length, one, two)
        for one in regions
        for two, (length, shown) in borders[one].items()
        if one < two and two != outside
    ]
    heapq.heapify(queue)
    newest = outside
    while queue:
        _, *pair = heapq.heappop(queue)
        if not all(part in regions for part in pair):
            continue  # merged already
        newest += 1
        one, two = (regions.pop(part) for part in pair)
        regions[newest] = one.joined(two, borders[pair[0]][pair[1]])
        around = _join(borders, pair, newest)
        for other, (length, shown) in around.items():
            if other != outside:
                heapq.heappush(queue, (shown / length, other, newest))
        if outside not in around:
            yield regions[newest]


def _borders(partition: Partition, seen: npt.NDArray[np.float64]) -> _Borders:
    """Of the faces, and under the number after the last face, of what lies outside the frame."""
    outside = len(partition.areas)
    borders: _Borders = {face: {} for face in range(outside + 1)}
    sides = np.where(partition.sides < 0, outside, partition.sides)
    for (one, other), length, shown in zip(sides.tolist(), partition.lengths.tolist(), seen.tolist(), strict=True):
        if one != other:
            before = borders[one].get(other, (0.0, 0.0))
            borders[one][other] = borders[other][one] = (before[0] + length, before[1] + shown)
    return borders


def _join(borders: _Borders, pair: list[int], joined: int) -> dict[int, tuple[float, float]]:
    """Puts the borders of two regions together as those of a new one."""
    around: dict[int, tuple[float, float]] = {}
    for part in pair:
        for other, (length, shown) in borders.pop(part).items():
            if other not in pair:
                del borders[other][part]
                before = around.get(other, (0.0, 0.0))
                around[other] = borders[other][joined] = (before[0] + length, before[1] + shown)
    borders[joined] = around
    return around


def _region(face: int, area: float, border: dict[int, tuple[float, float]]) -> _Region:
    length, seen = (sum(part) for part in zip(*border.values(), strict=True)) if border else (0.0, 0.0)
    return _Region(face, area, length, seen)


def _apart(regions: Sequence[_Region], partition: Partition, standing: Sequence[Polygon], most: int) -> list[Polygon]:
    """Outlines of the first regions that share less than half of their ground with any before, none part of a ring."""
    area = partition.areas
    taken = np.zeros(len(area), bool)
    outlines: list[Polygon] = []
    for region in regions:
        faces = region.faces
        if area[faces][taken[faces]].sum() > 0.5 * region.area:
            continue
        taken[faces] = True  # by a part of a ring as well, or all of its yards would be drawn
        chosen = np.zeros(len(area), bool)
        chosen[faces] = True
        outline = max(partition.outlines(chosen), key=shapely.area)
        if any(_is_part(outline, ring) for ring in standing):
            continue
        outlines.append(outline)
        if len(outlines) == most:
            break
    return outlines


def _is_part(outline: Polygon, ring: Polygon) -> bool:
    """Whether an outline lies within a ring but for its rim, and is too small to be that ring."""
    return bool(outline.area < _PART * ring.area and shared_area(outline, ring) > _WITHIN * outline.area)
