"""Pictures of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from shapely.geometry.base import BaseGeometry

from detectors.base import Finding, SideRole
from detectors.evaluation.metrics import ReliabilityBin
from flows.evaluate.real import Interval
from flows.evaluate.ring_trials import Trial
from geo.scene import ImageStack


def _figure(width: float, height: float) -> Figure:
    figure = Figure((width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_findings(stack: ImageStack, findings: Sequence[Finding], intervals: Sequence[Interval], path: Path) -> None:
    """One panel per interval: its last scene in true colour, truth in white, findings in orange."""
    figure = _figure(10.0, 4.6 * len(intervals))
    min_x, min_y, max_x, max_y = stack.grid.bounds
    for number, interval in enumerate(intervals, start=1):
        axes = figure.add_subplot(len(intervals), 1, number)
        last = max(i for i, scene in enumerate(stack.scenes) if scene.acquired_at < interval.end)
        axes.imshow(_true_colour(stack, last), extent=(min_x, max_x, min_y, max_y))
        axes.contour(
            np.linspace(min_x, max_x, stack.grid.shape[1]),
            np.linspace(max_y, min_y, stack.grid.shape[0]),
            interval.truth.astype(float),
            levels=[0.5],
            colors="white",
            linewidths=1.0,
        )
        for finding in findings:
            if interval.begin < finding.first_with < interval.end:
                for ring in _rings(finding.geometry):
                    axes.plot(ring[:, 0], ring[:, 1], color="tab:orange", linewidth=1.6)
        axes.set_title(
            f"{interval.name}: truth white, found orange, scene of {stack.scenes[last].acquired_at:%Y-%m-%d}"
        )
        axes.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def draw_rings(stack: ImageStack, findings: Sequence[Finding], truth: Sequence[BaseGeometry], path: Path) -> None:
    """The newest scene bare, and beside it with truth in white and found perimeters in orange.

    Args:
        stack: A series of one area.
        findings: Perimeter changes in the grid's CRS.
        truth: Rings drawn by eye in the grid's CRS.
        path: The PNG that is written.
    """
    figure = _figure(15.0, 7.8)
    bare, beside = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    for axes in (bare, beside):
        _show(axes, stack, len(stack) - 1)
    _outline(beside, truth, "white")
    _outline(beside, [finding.geometry for finding in findings], "tab:orange")
    interior = [side.geometry for finding in findings for side in finding.sides if side.role is SideRole.INTERIOR]
    for line in interior:
        beside.plot(*line.xy, color="tab:orange", linewidth=1.0, linestyle="--")
    figure.suptitle(f"truth white, found orange, scene of {stack.scenes[-1].acquired_at:%Y-%m-%d}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def draw_trials(trials: Sequence[Trial], path: Path, most: int = 12) -> None:
    """Simulated rings, each bare and beside it with truth in white and what was found in orange.

    Args:
        trials: The first of each contrast and background are drawn.
        path: The PNG that is written.
        most: Rings that are drawn at most.
    """
    ranked = sorted(range(len(trials)), key=lambda k: sum(_kind(trials[k]) == _kind(each) for each in trials[:k]))
    chosen = [trials[k] for k in sorted(ranked[:most])]
    if not chosen:
        return
    rows = -(-len(chosen) // 2)
    figure = _figure(15.0, 3.9 * rows)
    for number, trial in enumerate(chosen):
        bare, beside = (figure.add_subplot(rows, 4, 2 * number + column) for column in (1, 2))
        for axes in (bare, beside):
            _show(axes, trial.shown, 0)
            west, south, east, north = trial.drawn.wall.ring.buffer(trial.drawn.wall.ring.length / 8.0).bounds
            axes.set(xlim=(west, east), ylim=(south, north))
        _outline(beside, [trial.drawn.wall.ring], "white")
        _outline(beside, [] if trial.standing is None else [trial.standing.geometry], "tab:orange")
        beside.set_title(f"{trial.contrast:g} on {trial.background}: IoU {trial.iou:.2f}", fontsize=8)
    figure.suptitle("Simulated rings: truth white, found and confirmed orange, beside the bare image")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _kind(trial: Trial) -> tuple[str, float]:
    return trial.background, trial.contrast


def _show(axes: Axes, stack: ImageStack, index: int) -> None:
    min_x, min_y, max_x, max_y = stack.grid.bounds
    axes.imshow(_true_colour(stack, index), extent=(min_x, max_x, min_y, max_y))
    axes.set(xlim=(min_x, max_x), ylim=(min_y, max_y))
    axes.set_axis_off()


def _outline(axes: Axes, shapes: Sequence[BaseGeometry], colour: str) -> None:
    for shape in shapes:
        for ring in _rings(shape):
            axes.plot(ring[:, 0], ring[:, 1], color=colour, linewidth=1.4)


def draw_reliability(diagram: Sequence[ReliabilityBin], path: Path) -> None:
    """How often findings of each confidence are right."""
    figure = _figure(4.5, 4.5)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.scatter(
        [one.confidence for one in diagram],
        [one.accuracy for one in diagram],
        s=[10 + 3 * one.count for one in diagram],
        color="tab:orange",
    )
    axes.set(xlabel="confidence", ylabel="share that is real", xlim=(0, 1.02), ylim=(0, 1.02))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _true_colour(stack: ImageStack, index: int) -> np.ndarray:
    image = np.stack([stack.band(name)[index] for name in ("B04", "B03", "B02")], axis=-1)
    low, high = np.nanpercentile(image, [1, 99])
    return np.asarray(np.nan_to_num(np.clip((image - low) / (high - low), 0, 1)))


def _rings(geometry: BaseGeometry) -> list[np.ndarray]:
    parts = getattr(geometry, "geoms", [geometry])
    return [np.asarray(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]
