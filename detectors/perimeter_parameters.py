"""The parameters of the perimeter detector."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from detectors.perimeter_confidence import PerimeterCalibration

_COARSEST_M = 10.0  # pixels for which the lengths below are told
_YARD_M2 = 4_000.0


@dataclass(frozen=True, slots=True)
class RingParameters:
    """How rings are found. Lengths in metres, areas in square metres.

    Attributes:
        reach_m: How far an enclosing line may be from the middle of an enclosure.
        least_area_m2: Smallest enclosure.
        open_country: Share of directions in which chance puts a new line, at least; more where more is new.
        country_m: Side of the squares in which it is told how much is new all around: a place is judged by its own
            country, however far the area goes on.
        seed_evidence: Evidence for inside from which a place is looked at.
        built_weight: Weight of new structure against being surrounded by new lines.
        newness: Gain in line strength at which a new line begins and is fully one.
        support: Line strength at which a side begins to hold a ring's outline and holds it fully.
        seen: Line strength at which a side begins to be seen and is surely seen.
        weakest_line: Line strength from which a pixel takes part in a straight line.
        most_lines: Lines by which a place is partitioned.
        area_weight: Weight of area against boundary, per side of a square of the seed's size.
        cut_weights: Factors on that weight, each tried: no one of them is right for every place.
        outside_share: Share of the seed's own evidence below which a place counts as outside.
        base_cost: Cost of a fully seen metre of boundary against an unseen one.
        margin_m: How far around a seed lines are sought.
        snap_m: How far a side may move when it is snapped.
        shortest_side_m: Necks and teeth shorter than this are smoothed away.
        fit_weight: Weight of area when an outline is fitted, against that when it is found.
        corner_cost: Cost of a corner, in pixels of unseen side.
        least_corners: Fewest corners of a ring: walls stand in rectangles, tracks and drainage make triangles.
        least_rested: Share of a place that hasn't been looked at lately from which it is looked at again.
        least_new: Gain in visibility below which an outline isn't worth fitting.
        most_fits: Outlines of a place that are fitted, those that stand out most.
        least_width: Least width of an extension, as a share of the side of a square of the ring's area:
            barracks and stores along a wall are no extension of it.
        chance_share: Share of a side that may seem newly seen by chance: what is beyond it speaks for an outline.
        corner_merit: Newly seen pixels of side that a corner has to bring in.
        lean_merit: Likewise a side that runs neither along the ring's main direction nor across it: walls are laid out
            square.
        road_discount: What a side whose line goes on past both ends counts less: walls turn, roads go on.
        uneven_discount: What a piece of a side counts less, as a share of how far it differs from the side's mean: a
            wall is seen all along, a line across a yard only where it meets a wall. Chance makes pieces uneven as
            well, and its variance falls with the n scenes, four at most, that are averaged: times 1 - 1/n.
        past_px: From where to where past a corner a line counts as going on, pixels.
        frame_m: Rings that come nearer to the edge of the area than this are left out: they may go on beyond.
    """

    reach_m: float = 700.0
    least_area_m2: float = 8_000.0
    seed_evidence: float = 0.5
    open_country: float = 0.3
    country_m: float = 3_000.0
    built_weight: float = 0.4
    newness: tuple[float, float] = (0.1, 0.4)
    support: tuple[float, float] = (0.1, 0.6)
    seen: tuple[float, float] = (0.2, 0.6)
    weakest_line: float = 0.2
    most_lines: int = 70
    area_weight: float = 36.0
    cut_weights: tuple[float, ...] = (0.6, 1.0, 1.7)
    outside_share: float = 0.55
    base_cost: float = 0.15
    margin_m: float = 120.0
    snap_m: float = 50.0
    shortest_side_m: float = 60.0
    corner_cost: float = 16.0
    fit_weight: float = 0.8
    least_corners: int = 4
    least_rested: float = 0.25
    least_new: float = 0.2
    most_fits: int = 4
    least_width: float = 0.25
    chance_share: float = 0.2
    corner_merit: float = 3.5
    lean_merit: float = 1.5
    road_discount: float = 0.5
    uneven_discount: float = 0.67
    past_px: tuple[float, float] = (3.0, 15.0)
    frame_m: float = 100.0

    def beside_px(self, gsd_m: float) -> float:
        """How near to a ring's outline a side runs along it, pixels of a size in metres."""
        return self.snap_m / gsd_m / 2.0


@dataclass(frozen=True, slots=True)
class ClosureParameters:
    """How closed outlines are found in new lines alone.

    Attributes:
        newness: Gain in line strength at which a new line begins and is fully one.
        chance: Share of a line that may seem newly seen by chance.
        least_px: Newly seen pixels beyond chance that a segment has at least.
        most_segments: Segments at most.
        past_px: How far a segment is drawn on past either end, pixels, and
        past_share: how much further, as a share of its own length.
        area_m2: Smallest and largest place.
        least_seen: Share of its outline that is newly seen at least.
        least_side: Share of each side that is newly seen at least: what is open on one side is not closed.
        least_compact: Least isoperimetric quotient, 1 for a circle: yards are compact, what lies between tracks is not.
        area_weight: Weight of area against boundary when an outline is fitted, as that of rings.
        most_outlines: Outlines in one look.
    """

    newness: tuple[float, float] = (0.1, 0.4)
    chance: float = 0.25
    least_px: float = 2.5
    most_segments: int = 150
    past_px: float = 20.0
    past_share: float = 0.4
    area_m2: tuple[float, float] = (8_000.0, 2_000_000.0)
    least_seen: float = 0.55
    least_side: float = 0.3
    least_compact: float = 0.4
    area_weight: float = 12.0
    most_outlines: int = 4


@dataclass(frozen=True, slots=True)
class OpeningParameters:
    """When a ring was opened.

    Attributes:
        scenes: Clear scenes in a row that show a stretch, and clear scenes right after them that don't.
        shown: How well each of the former shows it, 0 to 1, at least.
        hidden: How well each of the latter, and how well all later ones together any piece of it, show it at most.
        least_hidden: Share of all later clear scenes that don't show it, at least.
        least_m: Shortest stretch, metres; a gate is shorter.
        least_share: Likewise as a share of what was seen of the outline.
        least_staying: How well the rest of the outline is still seen, as a share of before: what fades fades all
            around.
    """

    scenes: int = 3
    shown: float = 0.5
    hidden: float = 0.35
    least_hidden: float = 0.8
    least_m: float = 150.0
    least_share: float = 0.15
    least_staying: float = 0.8


@dataclass(frozen=True)
class PerimeterParameters:
    """How perimeters are found and followed.

    Attributes:
        orientations: Directions of the line filters over 180 degrees.
        finest_m: Finer pixels are averaged, by whole ones, up to this: a wall with its track and shadow is some metres
            across, and in finer pixels its flanks would lie on the track.
        flank_px: Distance from a line's centre at which its flanks are read, in pixels: a wall at the limit
            of resolution is one to two pixels wide whatever the sensor.
        along_m: Standard deviation of the averaging along a line.
        saturation: Contrast in units of local noise from which a pixel's vote is full.
        noise_block_m: Side of the blocks over which noise is measured.
        ground_scenes: How many of the first scenes tell what the ground always shows, and how many in a row that it is
            another.
        least_repeated: Share of what it always showed that one of these has to repeat, or the ground is another.
        rings: How rings are found in line strength, by what lies inside.
        closures: How they are found by their closure.
        openings: When they were opened.
        before: Number of scenes that old lines are averaged over, and how many of the newest are left out.
        least_visibility: Least mean visibility of a ring since its onset.
        least_gain: Least rise of visibility at the onset.
        chance_gain: Rise of visibility that chance reaches on ten pixels of wall; falls with the root of length.
        least_persistence: Least share of clear scenes since the onset that show a ring, and of those before that don't.
        least_merit: Merit below which a ring is none, in one scene, in two, and so on; the last for all that are more.
        least_confidence: Confidence below which a ring that more than one scene shows isn't told; an extension from
            half of that on.
        nearly: Share of what the best story of a place explains that the one with the outermost ring has to explain.
        empty_merit: Share of a ring that has to be newly seen beyond chance where nothing has been built inside: what
            has become rougher inside speaks for itself, an empty yard has to be closed, and by no road.
        least_built: How much rougher enclosed ground has to have become, as a logarithm, where only one scene shows it
            without the ring: lines alone can't be told from season then.
        least_persistence_alone: As `least_persistence`, after one scene before the onset.
        most_outlines: Outlines that are followed at once.
        least_clear: Share of a ring that must be clear for a scene to count.
        least_growth: Growth of the area, as a share, from which a ring is extended.
        works_days: Growth within this time of the onset belongs to the same works.
        rings_sure: Scenes that show a ring before lines that divide it are looked for, its place is no longer searched
            for other rings, and it may be told to have gone.
        rest_scenes: Scenes for which a place that was looked at in vain is left alone, unless it grows.
        gone_scenes: Clear scenes without a ring after which it is removed.
        stood_days: How long a ring that was there first has to have been seen for its going to be told: tracks of
            works and the lines of a season come and go.
        pooled_scenes: Most scenes pooled to fit a ring's sides.
        most_change: Gain in line strength that half of the area may reach: beyond, the scene differs everywhere (snow,
            haze, plants, a failed registration). Then no ring is sought by what is built in it, and what closes has to
            differ more than that half.
        most_differing: Likewise beyond which no wall is expected to stand out, so that nothing is assessed. Up to there
            closed outlines are sought, and drawn rings are found.
        least_scene_clear: Clear share of a scene below which it is not assessed.
        wall_contrast: Contrast of a wall with its shadow and track against the ground, reflectance, that has
            to be visible for an area to be assessable.
        limit_noises: Contrast, in units of local noise, below which rings are not taken to be visible (measured by
            simulation, see PERIMETERS.md).
        calibration: What makes a confidence of the evidence.
    """

    orientations: int = 16
    finest_m: float = 2.5
    flank_px: float = 1.5
    along_m: float = 60.0
    saturation: float = 4.0
    noise_block_m: float = 300.0
    ground_scenes: int = 4
    least_repeated: float = 0.05
    rings: RingParameters = field(default_factory=RingParameters)
    closures: ClosureParameters = field(default_factory=ClosureParameters)
    openings: OpeningParameters = field(default_factory=OpeningParameters)
    before: tuple[int, int] = (16, 2)
    least_visibility: float = 0.3
    least_gain: float = 0.2
    chance_gain: float = 0.3
    least_persistence: float = 0.8
    least_merit: tuple[float, ...] = (-20.0, -10.0, 0.0)
    least_confidence: float = 0.5
    nearly: float = 0.95
    empty_merit: float = 0.2
    least_built: float = 0.5
    least_persistence_alone: float = 0.9
    most_outlines: int = 24
    least_clear: float = 0.8
    least_growth: float = 0.1
    works_days: float = 90.0
    rings_sure: int = 3
    rest_scenes: int = 4
    gone_scenes: int = 2
    stood_days: float = 180.0
    pooled_scenes: int = 8
    most_change: float = 0.1
    most_differing: float = 0.3
    least_scene_clear: float = 0.6
    wall_contrast: float = 0.02
    limit_noises: float = 6.0
    calibration: PerimeterCalibration = field(default_factory=PerimeterCalibration)

    def for_pixels(self, gsd_m: float) -> PerimeterParameters:
        """The parameters for pixels of a size: finer than 10 m, lengths shrink with them, but for the greatest.

        A ring is told by how many pixels of it are seen, whatever their size: in pixels of 5 m one of a hectare shows
        as one of four does in pixels of 10 m.

        What encloses less than 0.4 ha is a yard, however well it is seen.

        >>> fine = PerimeterParameters().for_pixels(2.5)
        >>> fine.along_m, fine.rings.least_area_m2, fine.rings.reach_m
        (15.0, 4000.0, 700.0)
        """
        share = min(1.0, gsd_m / _COARSEST_M)
        if share == 1.0:
            return self
        rings, (least_m2, most_m2) = self.rings, self.closures.area_m2
        shrunk = {name: share * getattr(rings, name) for name in ("margin_m", "snap_m", "shortest_side_m", "frame_m")}
        return replace(
            self,
            along_m=share * self.along_m,
            noise_block_m=share * self.noise_block_m,
            rings=replace(rings, **shrunk, least_area_m2=max(share**2 * rings.least_area_m2, _YARD_M2)),
            closures=replace(self.closures, area_m2=(max(share**2 * least_m2, _YARD_M2), most_m2)),
            openings=replace(self.openings, least_m=share * self.openings.least_m),
        )
