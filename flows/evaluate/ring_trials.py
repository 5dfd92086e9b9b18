"""Simulated rings on real ground, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import numpy as np
from shapely.geometry.base import BaseGeometry

from detectors.base import ChangeType, Finding, Verdict
from detectors.perimeter import Perimeter
from detectors.ring_merit import NewLines
from detectors.ring_tracks import Outline
from detectors.ring_watch import RingWatch
from detectors.scene_lines import pooled
from flows.evaluate.perimeter_limit import in_pixels, seen_contrast
from flows.evaluate.ring_draws import MATCH, Draw, Story, draw, overlap
from flows.evaluate.stacks import window as part_of
from geo.scene import ImageStack

CONTRASTS = (0.01, 0.02, 0.04, 0.08, 0.16)
CONFIRMED = 3
ATTEMPTS = 10  # to draw what needs room beside it, or time
_LONGEST = 20
_CHANGES = {Story.OPENED: 1, Story.REMOVED: 1, Story.EXTENDED: 4}  # times: few extensions are of a ring that was found
STANDING = (ChangeType.PERIMETER_ADDED, ChangeType.PERIMETER_EXTENDED)


@dataclass(frozen=True, slots=True)
class Background:
    """A real series.

    Attributes:
        name: For the tables.
        stack: The series.
        taken: Where walls really appeared, in the grid's CRS.
    """

    name: str
    stack: ImageStack
    taken: BaseGeometry


@dataclass(frozen=True, slots=True)
class Trial:
    """One simulated ring and what became of it after the last scene.

    Attributes:
        background: Name of the background.
        contrast: Reflectance contrast of wall, track and strip in a pixel, without the shadow.
        seen_contrast: What the line filter sees of it, shadow included, reflectance.
        noise: Contrast that clutter reaches on the ground, reflectance.
        differing: Gain in line strength that half of the area exceeds in a scene with the ring: their median.
        shown: The last scene before it was opened or removed.
        drawn: The ring, and what happened to it.
        visible: Whether the drawn outline itself would stand, had the search come upon it.
        standing: The confirmed finding that matches the ring, None if there is none; before it was opened or removed.
        afterwards: Findings that match the ring, as it was drawn first or once it was extended, after the last scene.
        false: Confirmed findings after the last scene that lie off the ring and off the walls that really appeared.
        told: Confidence in each ring told off these walls after the last scene, and whether it is the drawn one.
        onset_error: First scene found less first scene drawn; None if not found.
        late: First scene in which it is told to be extended or gone less the first in which it was; None if that isn't
            told.
        assessable: Whether the detector said that a wall could have been seen.
        years: Length of the series.
    """

    background: str
    contrast: float
    seen_contrast: float
    noise: float
    differing: float
    shown: ImageStack
    drawn: Draw
    visible: bool
    standing: Finding | None
    afterwards: tuple[Finding, ...]
    false: int
    told: tuple[tuple[float, bool], ...]
    onset_error: int | None
    late: int | None
    assessable: bool
    years: float

    @property
    def found(self) -> bool:
        """Whether the ring is found and confirmed."""
        return self.standing is not None

    @property
    def iou(self) -> float:
        """Intersection over union of the ring found; 0 where none is."""
        return 0.0 if self.standing is None else overlap(self.standing.geometry, self.drawn.wall.ring)

    @property
    def area_ha(self) -> float:
        """Of the drawn ring."""
        return float(self.drawn.wall.ring.area / 1e4)


def trials(
    backgrounds: Sequence[Background],
    count: int,
    seed: int,
    window_px: int = 300,
) -> Iterator[Trial]:
    """Rings of every contrast on every background, each drawn from its own seed."""
    for number, ground in enumerate(backgrounds):
        for contrast in CONTRASTS:
            for repeat in range(count):
                random = np.random.default_rng([seed, number, round(1e4 * contrast), repeat])
                done = trial(ground, contrast, random, window_px)
                if done is not None:
                    yield done


def changes(
    backgrounds: Sequence[Background], count: int, seed: int, contrast: float = 0.08, window_px: int = 300
) -> Iterator[Trial]:
    """Rings of one contrast that are opened, removed again or extended."""
    for number, ground in enumerate(backgrounds):
        for place, (story, times) in enumerate(_CHANGES.items()):
            for repeat in range(times * count):
                chances = (np.random.default_rng([seed, number, 10 + place, repeat, k]) for k in range(ATTEMPTS))
                done = (trial(ground, contrast, random, window_px, story) for random in chances)
                yield from islice(filter(None, done), 1)


def trial(
    ground: Background,
    contrast: float,
    random: np.random.Generator,
    window_px: int = 300,
    story: Story = Story.STAYS,
) -> Trial | None:
    """Draw one ring into a window of real scenes and look for it; None where there is no room."""
    area = part(ground.stack, window_px, random)
    plan = draw(area, contrast, ground.taken, random, story)
    if plan is None:
        return None
    stack = plan.into(area, random)
    follower = Perimeter().start(stack.grid)
    watch = follower.watch
    differing = []
    for scene in stack.take(slice(0, plan.changed)):
        follower.add(scene)
        differing.append(follower.state.differing)
    before = follower.assess()
    visible = _would_stand(watch, plan)
    for scene in stack.take(slice(plan.changed, None)):
        follower.add(scene)
    ring = plan.wall.ring
    standing = _match(before.findings, ring)
    last = [finding for finding in follower.assess().findings if not shares_ground(finding.geometry, ground.taken)]
    return Trial(
        background=ground.name,
        contrast=contrast,
        seen_contrast=seen_contrast(area, plan.wall, min(plan.since, len(area) - 1)),
        noise=watch.reader.noise,
        differing=float(np.median(differing[plan.since :])),
        shown=stack.take([plan.changed - 1]),
        drawn=plan,
        standing=standing,
        afterwards=tuple(finding for finding in last if max(overlap(finding.geometry, r) for r in plan.rings) >= MATCH),
        false=sum(len(each.seen_in) >= CONFIRMED and not shares_ground(each.geometry, plan.rings[-1]) for each in last),
        told=tuple(
            (
                each.confidence,
                plan.shows(each.geometry, len(stack) - 1, extends=each.kind is ChangeType.PERIMETER_EXTENDED),
            )
            for each in last
            if each.confidence is not None
        ),
        onset_error=None if standing is None else scenes_before(standing.first_with, stack) - plan.since,
        late=_late(last, plan, stack),
        visible=visible,
        assessable=before.verdict is not Verdict.NOT_ASSESSABLE,
        years=(stack.scenes[-1].acquired_at - stack.scenes[0].acquired_at).days / 365.25,
    )


def part(stack: ImageStack, size_px: int, random: np.random.Generator) -> ImageStack:
    """A square of a series and a stretch of time, by chance."""
    rows, columns = stack.grid.shape
    size_px = min(size_px, rows, columns)
    top, left = int(random.integers(0, rows - size_px + 1)), int(random.integers(0, columns - size_px + 1))
    begin = int(random.integers(0, max(len(stack) - _LONGEST, 0) + 1))
    return part_of(stack, top, left, size_px).take(slice(begin, begin + _LONGEST))


def _would_stand(watch: RingWatch, plan: Draw) -> bool:
    """Whether the drawn outline is seen to appear, and explains more than it costs."""
    lines = [watch.reader.lines(index) for index in range(len(watch.series))]
    new = NewLines(pooled([lines[plan.since]]), pooled(lines[: plan.since]), watch.parameters.rings)
    outline = Outline.of(in_pixels(plan.wall.ring, watch.series.grid), lines, new, watch.parameters)
    dated = watch.choice.dated(outline)
    return dated is not None and watch.choice.merit(outline, dated) > 0.0


def _match(findings: Sequence[Finding], ring: BaseGeometry) -> Finding | None:
    """The confirmed finding that is the drawn ring."""
    standing = [
        finding
        for finding in findings
        if finding.kind in STANDING and finding.gone_at is None and len(finding.seen_in) >= CONFIRMED
    ]
    best = max(standing, key=lambda finding: overlap(finding.geometry, ring), default=None)
    return best if best is not None and overlap(best.geometry, ring) >= MATCH else None


def shares_ground(found: BaseGeometry, other: BaseGeometry) -> bool:
    """Whether a finding lies to a tenth on some other ground, or holds a tenth of it."""
    shared = found.intersection(other).area
    return bool(shared > 0.1 * min(found.area, other.area) > 0.0)


def _late(findings: Sequence[Finding], plan: Draw, stack: ImageStack) -> int | None:
    """By how many scenes it is told late that a ring was extended, or went."""
    if plan.grown is not None:
        moments: list[datetime | None] = [each.first_with for each in findings if is_extension(each, plan.grown)]
    else:
        moments = [
            finding.first_with if finding.kind is ChangeType.PERIMETER_REMOVED else finding.gone_at
            for finding in findings
            if overlap(finding.geometry, plan.wall.ring) >= MATCH
            and (finding.kind is ChangeType.PERIMETER_REMOVED or finding.gone_at is not None)
        ]
    told = [scenes_before(moment, stack) for moment in moments if moment is not None]
    return min(told) - plan.changed if told else None


def is_extension(finding: Finding, grown: BaseGeometry) -> bool:
    """Whether a finding tells that a ring was extended to another."""
    return finding.kind is ChangeType.PERIMETER_EXTENDED and overlap(finding.geometry, grown) >= MATCH


def scenes_before(moment: datetime, stack: ImageStack) -> int:
    """Number of scenes before a moment."""
    return sum(scene.acquired_at < moment for scene in stack.scenes)
