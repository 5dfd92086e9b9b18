"""Closed outlines in new lines, whatever they enclose.

Lines are cut to where they are seen, drawn on past their ends to meet their neighbours, and cut the ground into faces.
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
from shapely.geometry import LineString, Polygon

from detectors.hough import Line, straight_lines
from detectors.line_strength import Strength
from detectors.partition import Partition, across, frame_of
from detectors.perimeter_parameters import ClosureParameters
from detectors.side_support import line_support, support_share
from geo.scene import FloatArray

#: Length of the border of each region with each of its neighbours, and how much of it is seen, pixels.
_Borders = dict[int, dict[int, tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class _Region:
    """Some faces together: how long their outline is and how much of it is seen, pixels."""

    faces: tuple[int, ...]
    area: float
    length: float
    seen: float


def closed_outlines(gain: Strength, gsd_m: float, parameters: ClosureParameters) -> list[Polygon]:
    """The best enclosed places, those whose outlines are newly seen furthest first.

    Args:
        gain: uint8 (orientation, y, x): line strength gained, 0 where nothing can be compared.
        gsd_m: Pixel size, metres.
        parameters: Of this search.

    Returns:
        Polygons without holes in pixel coordinates, 0 at the centre of the first pixel; no two share most of their
        ground.
    """
    frame = frame_of(gain.shape[1:])
    lines = straight_lines(
        gain, np.ones(gain.shape[1:], bool), parameters.weakest, parameters.most_lines, parameters.least_px
    )
    cuts = _segments(gain, lines, frame, parameters)
    if len(cuts) < 3:
        return []
    partition = Partition.by(cuts, frame)
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
    return _apart(found, partition, parameters.most_outlines)


def _segments(gain: Strength, lines: Sequence[Line], frame: Polygon, parameters: ClosureParameters) -> list[LineString]:
    """Where lines are seen, up to two stretches of each, drawn on past either end to meet what encloses with them."""
    cuts = [cut for line in lines if (cut := across(line, frame)) is not None]
    if not cuts:
        return []
    starts, ends = shapely.get_coordinates(cuts).reshape(-1, 2, 2).swapaxes(0, 1)
    strength, owner = line_support(gain, starts, ends)
    worth = support_share(strength, *parameters.newness) - np.float32(parameters.chance)
    segments = []
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        along = worth[owner == index]
        step = (end - start) / len(along)
        for first, last in _stretches(along, parameters.least_stretch_px):
            on = parameters.past_px + parameters.past_share * (last - first)
            segments.append(
                LineString([start + max(first - on, 0.0) * step, start + min(last + on, len(along)) * step])
            )
    return segments


def _stretches(worth: FloatArray, least: float, most: int = 2) -> Iterator[tuple[int, int]]:
    """Start and end of the stretches with the greatest sums (Bentley 1984, Communications of the ACM 27(9))."""
    worth = worth.copy()
    for _ in range(most):
        total = np.concatenate([[0.0], np.cumsum(worth)])
        lowest = np.minimum.accumulate(total)
        end = int((total - lowest).argmax())
        if total[end] - lowest[end] < least:
            return
        start = int(total[:end].argmin())
        yield start, end
        worth[start:end] = -len(worth)


def _merged(partition: Partition, seen: npt.NDArray[np.float64]) -> Iterator[_Region]:
    """Faces and what they are merged into, two by two, that don't reach the frame.

    Args:
        partition: The faces.
        seen: float64 (edge,): how much of each edge is seen, pixels.
    """
    outside = len(partition.faces)
    borders = _borders(partition, seen)
    area = shapely.area(partition.faces).tolist()
    regions = {face: _region((face,), area[face], borders[face]) for face in range(outside)}
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
        around = _join(borders, pair, newest)
        one, two = (regions.pop(part) for part in pair)
        regions[newest] = _region((*one.faces, *two.faces), one.area + two.area, around)
        for other, (length, shown) in around.items():
            if other != outside:
                heapq.heappush(queue, (shown / length, other, newest))
        if outside not in around:
            yield regions[newest]


def _borders(partition: Partition, seen: npt.NDArray[np.float64]) -> _Borders:
    """Of the faces, and under the number after the last face, of what lies outside the frame."""
    outside = len(partition.faces)
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


def _region(faces: tuple[int, ...], area: float, border: dict[int, tuple[float, float]]) -> _Region:
    length, seen = (sum(part) for part in zip(*border.values(), strict=True)) if border else (0.0, 0.0)
    return _Region(faces, area, length, seen)


def _apart(regions: Sequence[_Region], partition: Partition, most: int) -> list[Polygon]:
    """Outlines of the first regions that share less than half of their ground with any before."""
    area = shapely.area(partition.faces)
    taken = np.zeros(len(area), bool)
    outlines: list[Polygon] = []
    for region in regions:
        faces = list(region.faces)
        if area[faces][taken[faces]].sum() > 0.5 * region.area:
            continue
        taken[faces] = True
        union = shapely.coverage_union_all([partition.faces[k] for k in faces])
        outlines.append(Polygon(max(shapely.get_parts(union), key=shapely.area).exterior))
        if len(outlines) == most:
            break
    return outlines
