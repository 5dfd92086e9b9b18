"""The overview map: every place by kind, tier and prefecture, as one picture."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shapely import MultiPoint

from aoi.exporters import attribution
from aoi.facility import Facility, FacilityKind
from geo.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS: dict[FacilityKind, tuple[str, str]] = {
    FacilityKind.CAMP: ("o", "camp"),
    FacilityKind.FACTORY_PARK: ("s", "factory park"),
    FacilityKind.FACTORY_PARK_SEARCH_AREA: ("d", "factory park search area"),
    FacilityKind.CUSTOM: ("^", "other place"),
}
# A sequence that also holds in print and for the colour-blind: light to dark, yellow to violet (viridis, reversed).
TIERS: dict[int | None, str] = {1: "#fde047", 2: "#35b779", 3: "#31688e", 4: "#440154", None: "#9ca3af"}
TIER_NAMES: dict[int | None, str] = {1: "1 (lowest)", 4: "4 (highest)", None: "not known"}
SHADES = ("#e11d48", "#0284c7", "#d97706", "#059669", "#7c3aed", "#64748b", "#db2777")
FORMATS = (".png", ".pdf", ".svg")


_WINDOW_DEG = 0.8
"""Width of an enlarged window, in degrees of latitude."""
_CROWD = 15
"""From so many places on, a window is worth enlarging."""
Bounds = tuple[float, float, float, float]
_LABEL_SIZE = np.array([1.15, 0.28])
"""Half width and height of a prefecture's label, in degrees of latitude."""


def draw_overview(facilities: Sequence[Facility], path: Path) -> None:
    """Draw all places: shape is the kind, colour the security tier, shading and label the prefecture.

    Bars beside the map count the places of each prefecture by tier; the fullest parts of the map are enlarged below.

    Args:
        facilities: Places to draw; retired ones are drawn hollow.
        path: `.png`, `.pdf` or `.svg`.

    Raises:
        InputError: There is nothing to draw, the ending isn't known, or the file can't be written.
    """
    if not facilities:
        raise InputError("no place to draw: the catalogue is empty")
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: can't be drawn; end the name in {', '.join(FORMATS)}")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 13), layout="constrained")
    layout = "MMMB\n0123"
    panels = figure.subplot_mosaic(layout, height_ratios=(2.6, 1))
    _draw_prefectures(panels["M"], facilities)
    _draw_places(panels["M"], facilities)
    _legend(panels["M"], facilities)
    _frame(panels["M"], facilities)
    _draw_counts(panels["B"], facilities)
    windows = _densest_windows(facilities, 4)
    for number in range(4):
        _zoom(panels[str(number)], panels["M"], facilities, windows[number : number + 1])
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from error


def _draw_places(axes: Axes, facilities: Sequence[Facility]) -> None:
    groups: dict[tuple[FacilityKind, int | None, bool], list[Facility]] = defaultdict(list)
    for place in facilities:
        groups[place.kind, place.security_tier, place.retired].append(place)
    for (kind, tier, retired), places in sorted(groups.items(), key=lambda group: str(group[0])):
        axes.scatter(
            [place.point.x for place in places],
            [place.point.y for place in places],
            s=34,
            marker=MARKERS[kind][0],
            facecolors="none" if retired else TIERS[tier],
            edgecolors="#111827",
            linewidths=0.6,
            zorder=3,
        )


def _legend(axes: Axes, facilities: Sequence[Facility]) -> None:
    from matplotlib.lines import Line2D

    kinds = Counter(place.kind for place in facilities)
    tiers = Counter(place.security_tier for place in facilities)
    entries = [(MARKERS[kind][0], "#ffffff", f"{MARKERS[kind][1]} ({kinds[kind]})") for kind in MARKERS if kinds[kind]]
    entries += [("o", TIERS[tier], f"tier {_tier_name(tier)} ({tiers[tier]})") for tier in TIERS if tiers[tier]]
    if retired := sum(place.retired for place in facilities):
        entries.append(("o", "none", f"retired, any tier ({retired})"))
    handles = [
        Line2D([], [], linestyle="none", marker=marker, markersize=8, markerfacecolor=colour, markeredgecolor="#111827")
        for marker, colour, _ in entries
    ]
    axes.legend(
        handles, [label for *_, label in entries], loc="lower right", fontsize=10, title="Kind and security tier"
    )


def _draw_prefectures(axes: Axes, facilities: Sequence[Facility]) -> None:
    """A shade around each prefecture's places, and its name beside them where it covers least."""
    members: dict[str, list[Facility]] = defaultdict(list)
    for place in facilities:
        members[place.prefecture or "no prefecture"].append(place)
    stretch = _stretch(facilities)
    everywhere = np.array([(place.point.x * stretch, place.point.y) for place in facilities])
    taken: list[np.ndarray] = []
    for number, (name, places) in enumerate(sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))):
        hull = MultiPoint([(place.point.x, place.point.y) for place in places]).convex_hull.buffer(0.12)
        axes.fill(*hull.exterior.xy, color=SHADES[number % len(SHADES)], alpha=0.16, zorder=1)
        anchor = np.array([hull.centroid.x * stretch, hull.centroid.y])
        spot = _free_spot(anchor, everywhere, taken)
        taken.append(spot)
        axes.annotate(
            name,
            (anchor[0] / stretch, anchor[1]),
            (spot[0] / stretch, spot[1]),
            ha="center",
            va="center",
            fontsize=11,
            fontweight="bold",
            color="#0f172a",
            arrowprops={"arrowstyle": "-", "color": "#64748b", "linewidth": 0.8, "shrinkA": 8, "shrinkB": 0},
            zorder=2,
        )


def _free_spot(anchor: np.ndarray, points: np.ndarray, taken: Sequence[np.ndarray]) -> np.ndarray:
    """The place for a label around an anchor that covers fewest points and labels, the nearest of those.

    Args:
        anchor: (x, y), as all coordinates here in degrees of latitude.
        points: (n, 2).
        taken: Centres of the labels that stand already.
    """
    angles = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    rings = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    spots = np.concatenate([anchor + radius * rings for radius in (0.5, 0.8, 1.1, 1.4, 1.8)])
    covered = [(np.abs(points - spot) < _LABEL_SIZE).all(axis=1).sum() for spot in spots]
    clashes = [sum((np.abs(other - spot) < 2.0 * _LABEL_SIZE).all() for other in taken) for spot in spots]
    cost = 5.0 * np.array(clashes) + np.array(covered) + 0.1 * np.linalg.norm(spots - anchor, axis=1)
    best: np.ndarray = spots[int(np.argmin(cost))]
    return best


def _densest_windows(facilities: Sequence[Facility], most: int) -> list[Bounds]:
    """Windows where the map is too full to read, the fullest first, none overlapping another."""
    positions = np.array([(place.point.x, place.point.y) for place in facilities])
    half = _WINDOW_DEG / 2.0 * np.array([1.0 / _stretch(facilities), 0.8])
    left = positions.copy()
    windows: list[Bounds] = []
    while len(windows) < most and len(left):
        inside = [(np.abs(left - centre) < half).all(axis=1) for centre in left]
        fullest = max(inside, key=lambda members: int(members.sum()))
        centre = (left[fullest].min(axis=0) + left[fullest].max(axis=0)) / 2.0
        if fullest.sum() < _CROWD:
            break
        windows.append((*(centre - half), *(centre + half)))
        left = left[(np.abs(left - centre) >= 2.0 * half).any(axis=1)]
    return windows


def _zoom(axes: Axes, overview: Axes, facilities: Sequence[Facility], window: Sequence[Bounds]) -> None:
    """One window enlarged, and its frame on the overview."""
    if not window:
        axes.set_visible(False)
        return
    min_x, min_y, max_x, max_y = window[0]
    inside = [place for place in facilities if min_x <= place.point.x <= max_x and min_y <= place.point.y <= max_y]
    _draw_places(axes, inside)
    prefectures = Counter(place.prefecture for place in inside)
    axes.set(xlim=(min_x, max_x), ylim=(min_y, max_y))
    axes.set_aspect(1.0 / _stretch(facilities))
    axes.grid(color="#e2e8f0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.set_title(f"Around {prefectures.most_common(1)[0][0]}: {len(inside)} places", fontsize=11, loc="left")
    overview.plot(
        [min_x, max_x, max_x, min_x, min_x],
        [min_y, min_y, max_y, max_y, min_y],
        color="#0f172a",
        linewidth=0.9,
        linestyle=":",
        zorder=2,
    )


def _draw_counts(axes: Axes, facilities: Sequence[Facility]) -> None:
    counts = Counter((place.prefecture or "no prefecture", place.security_tier) for place in facilities)
    totals = Counter(place.prefecture or "no prefecture" for place in facilities)
    names = sorted(totals, key=lambda name: (totals[name], name))
    start = np.zeros(len(names))
    for tier, colour in TIERS.items():
        width = np.array([counts[name, tier] for name in names])
        axes.barh(names, width, left=start, color=colour, edgecolor="#111827", linewidth=0.4)
        start += width
    for row, name in enumerate(names):
        axes.text(totals[name] + 0.6, row, str(totals[name]), va="center", fontsize=10)
    axes.set_title("Places by prefecture and tier", fontsize=12, loc="left")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_xticks([])
    axes.set_xlim(0, max(totals.values()) * 1.15)
    axes.margins(y=0.01)


def _frame(axes: Axes, facilities: Sequence[Facility]) -> None:
    axes.set_aspect(1.0 / _stretch(facilities))
    positions = np.array([(place.point.x, place.point.y) for place in facilities])
    margin = np.maximum(0.06 * np.ptp(positions, axis=0), 0.5)
    (left, bottom), (right, top) = positions.min(axis=0) - margin, positions.max(axis=0) + margin
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.grid(color="#e2e8f0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("longitude, °E")
    axes.set_ylabel("latitude, °N")
    axes.set_title(f"{len(facilities)} watched places", fontsize=14, fontweight="bold", loc="left")
    note = f"Shades join the places of a prefecture; they aren't its borders. Sources: {attribution(facilities)}"
    axes.text(0.0, -0.09, note, transform=axes.transAxes, fontsize=9, color="#475569")


def _stretch(facilities: Sequence[Facility]) -> float:
    """Length of a degree of longitude in degrees of latitude, in the middle of the map."""
    return math.cos(math.radians(float(np.mean([place.point.y for place in facilities]))))


def _tier_name(tier: int | None) -> str:
    return TIER_NAMES.get(tier, str(tier))
