"""The fold that follows rings scene by scene: each state is a function of its scenes and of nothing later."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.lines import VOTE, LineFilter, luminance, widened
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_history import RingHistory
from detectors.ring_looks import Looks
from detectors.ring_shapes import outline_mask
from detectors.ring_tracks import Pool, SceneLines, Track, eroded
from detectors.rings import block_means, coarse_step, coarsened, find_rings, inside_evidence
from geo.bands import visible
from geo.scene import FloatArray, ImageStack


class RingWatch:
    """Rings of one image stack, followed scene by scene.

    Attributes:
        history: The rings that the scenes so far make.
        scenes: Lines of every scene so far.
        ridges: float32 (orientation, y, x): contrast of thin lines in the newest scene.
        noise: float32 (y, x): contrast of the quietest clutter seen so far.
    """

    def __init__(self, parameters: PerimeterParameters, stack: ImageStack) -> None:
        self.parameters = parameters
        self.stack = stack
        self.gsd_m = stack.grid.gsd_m
        self.bands = [stack.bands.index(band) for band in visible(stack.bands)]
        self.filter = LineFilter(
            self.gsd_m,
            parameters.orientations,
            parameters.flank_px * self.gsd_m,
            parameters.along_m,
            parameters.saturation,
        )
        self.history = RingHistory(parameters, self.gsd_m, [scene.acquired_at for scene in stack.scenes])
        self.scenes = self.history.scenes
        self.noise: FloatArray | None = None
        self.ridges: FloatArray = np.zeros((0, 0, 0), np.float32)
        self.background: FloatArray | None = None
        self._before, self._before_scenes = Pool(), range(0)
        self._looks = {"appeared": Looks(), "vanished": Looks()}

    def add(self, index: int) -> None:
        """Takes in the next scene of the stack."""
        self.add_lines(index)
        for looks in self._looks.values():
            looks.scene = index
        if index == 0:
            return
        due = self.history.update()
        outlines = self._appeared(index)
        for track in due:
            outlines += self._refitted(track)
        self.history.consider(outlines)
        self.history.miss(self._vanished(index))

    def add_lines(self, index: int) -> None:
        """Reads the lines of the next scene, without looking for rings in them."""
        valid = self.stack.valid[index]
        image = luminance(self.stack.reflectance[index][self.bands], valid, self.background)
        self.background = image
        self.ridges = self.filter.ridges(image)
        strongest = np.maximum(self.ridges.max(axis=0), -self.ridges.min(axis=0))
        noise = self.filter.noise(strongest, self.parameters.noise_block_m)
        # The quietest state of a place is its ground; later buildings must not hide the wall around them.
        self.noise = noise if self.noise is None else np.minimum(self.noise, noise)
        clear = eroded(valid, max(1, round(20.0 / self.gsd_m)))
        votes = self.filter.votes(self.ridges, self.noise)
        votes *= clear
        self.scenes.append(SceneLines(votes, self._texture(strongest), clear))

    def _texture(self, strongest: FloatArray) -> FloatArray:
        """Logarithm of local contrast on the coarse grid, in units of its own median."""
        step = coarse_step(self.gsd_m)
        coarse = block_means(strongest, step)
        smooth = ndimage.gaussian_filter(np.minimum(coarse, np.percentile(coarse, 99)), 40.0 / self.gsd_m / step)
        return np.asarray(np.log(np.maximum(smooth, 1e-6) / max(float(np.median(smooth)), 1e-6)), np.float32)

    def _appeared(self, index: int) -> list[Polygon]:
        """Rings that the newest scene shows and the ones before don't."""
        many, newest = self.parameters.before
        old = range(max(0, index - many - newest), max(1, index - newest))
        for scene in range(self._before_scenes.stop, old.stop):
            self._before.add(self.scenes[scene])
        for scene in range(self._before_scenes.start, old.start):
            self._before.add(self.scenes[scene], -1)
        self._before_scenes = old
        known = [track.ring for track in self.history.standing]
        return self._search([index], self._before, known, looks=self._looks["appeared"])

    def _vanished(self, index: int) -> list[Polygon]:
        """Rings that the first scenes show and the newest don't."""
        newest = list(range(index - self.parameters.gone_scenes + 1, index + 1))
        first = list(range(0, min(3, newest[0])))
        if not first:
            return []
        before = Pool([self.scenes[i] for i in newest])
        known = [track.ring for track in self.history.tracks]
        return self._search(first, before, known, looks=self._looks["vanished"])

    def _search(
        self,
        now: list[int],
        before: Pool,
        known: list[Polygon],
        *,
        around: Polygon | None = None,
        looks: Looks | None = None,
    ) -> list[Polygon]:
        """Rings in the lines of some scenes that others don't have."""
        rings, gsd_m = self.parameters.rings, self.gsd_m
        after = Pool([self.scenes[i] for i in now])
        clear = np.all([self.scenes[i].clear for i in now], axis=0) & before.clear
        if not clear.any():
            return []
        strength, earlier = after.strength, before.strength
        wide = widened(earlier)
        fresh = (np.maximum(strength, wide) - wide) * clear
        gain = fresh.max(axis=0)
        # The 80th percentile: so much may have changed in a fifth of the area.
        if np.count_nonzero(gain[clear] > VOTE * self.parameters.most_change) > 0.2 * np.count_nonzero(clear):
            return []
        seen = ~coarsened(~clear, coarse_step(gsd_m)).astype(bool)
        structure = np.where(seen, after.texture - np.maximum(before.texture, -0.7), 0.0).astype(np.float32)
        evidence = inside_evidence(gain, outline_mask(known, clear.shape), structure, gsd_m, rings)
        if evidence is None:
            return []
        return find_rings((strength, earlier, fresh), evidence, known, gsd_m, rings, around, looks)

    def _refitted(self, track: Track) -> list[Polygon]:
        """A ring's outline found again in all scenes since its onset together: its sides stay, clutter moves."""
        if track.onset is None:
            return []
        now = list(track.onset.seen[-self.parameters.pooled_scenes :])
        old = list(range(max(0, track.onset.without - 3), track.onset.without + 1))
        others = [other.ring for other in self.history.standing if other is not track]
        if track.parent:
            others.append(track.parent.ring)
        return self._search(now, Pool([self.scenes[i] for i in old]), others, around=track.ring)
