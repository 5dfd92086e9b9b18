"""Cost against the number of facilities and of scenes, as curves: `python -m tests.benchmarks.curves JSON PNG`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flows.measured import Kind, MeasuredRun, Measurements, read_measurements

# Okabe and Ito's colours, which the colour-blind tell apart (https://jfly.uni-koeln.de/color/).
_LINES = (
    (Kind.BACKFILL, "#0072b2", "o", "backfill"),
    (Kind.WEEKLY, "#d55e00", "s", "one new scene each"),
    (Kind.NOTHING_NEW, "#009e73", "^", "nothing new"),
)
_DECODING = "#767676"


def draw(measured: Measurements, path: Path) -> None:
    """Draws the curves of a benchmark.

    Args:
        measured: What it measured.
        path: PNG or SVG, by its ending.
    """
    fewest, longest = min(r.facilities for r in measured.runs), max(r.clear_scenes for r in measured.runs)
    by_count = [run for run in measured.runs if run.prefect and run.clear_scenes == longest]
    by_scenes = [run for run in measured.runs if run.prefect and run.facilities == fewest]
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    time, scenes, memory = figure.subplots(1, 3)
    _lines(time, by_count, lambda run: run.facilities, lambda run: run.wall_s)
    _describe(time, f"facilities ({longest} clear scenes each)", "wall time (s)")
    time.set(xscale="log", yscale="log")
    _lines(scenes, by_scenes, lambda run: run.clear_scenes, lambda run: run.wall_s)
    _describe(scenes, f"clear scenes of each of {fewest} facilities", "wall time (s)")
    _lines(memory, by_count, lambda run: run.facilities, lambda run: run.peak_mib, decoding=False)
    _describe(memory, f"facilities ({longest} clear scenes each)", "peak memory, all processes (MiB)")
    for axes in (time, memory):
        axes.set_xscale("log")
        axes.set_xticks(sorted({run.facilities for run in by_count}))
        axes.get_xaxis().set_major_formatter("{x:g}")
        axes.minorticks_off()
    time.get_yaxis().set_major_formatter("{x:g}")
    for axes in (scenes, memory):
        axes.set_ylim(bottom=0)
    scenes.set_xticks(sorted({run.clear_scenes for run in by_scenes}))
    figure.legend(*scenes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(measured.where, fontsize=9)
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})


def _lines(
    axes: Axes,
    runs: Sequence[MeasuredRun],
    x: Callable[[MeasuredRun], float],
    y: Callable[[MeasuredRun], float],
    *,
    decoding: bool = True,
) -> None:
    for kind, colour, marker, label in _LINES:
        some = sorted((run for run in runs if run.kind is kind), key=x)
        axes.plot([x(run) for run in some], [y(run) for run in some], marker=marker, color=colour, label=label)
    if decoding:
        some = sorted((run for run in runs if run.kind is Kind.BACKFILL), key=x)
        pixels = [run.decoding_s for run in some]
        axes.plot([x(run) for run in some], pixels, "--", color=_DECODING, label="decoding the same pixels")


def _describe(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    draw(read_measurements(Path(sys.argv[1])), Path(sys.argv[2]))
