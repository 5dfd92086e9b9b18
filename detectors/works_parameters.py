"""The parameters by which changed ground is construction, and one construction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorksParameters:
    """When changed ground is construction, and when it is one construction.

    Attributes:
        core: Salience (change of structure and weighted gain of texture, in noise units) that the core of a site must
            reach when many scenes before and after it are known.
        doubt: Share of `core` that is asked for on top of it at the first sighting, half of that at the
            second, a third at the third: one look is weaker evidence than several.
        doubt_before: Likewise for the scenes before.
        gain_weight: Weight of the gain of texture beside the change of structure.
        least_gain: Gain of texture, in noise units, that the core must have.
        least_core_m2: Smallest core.
        core_share: Smallest share of a site's changed pixels that its core makes up.
        firm: Change of structure, in noise units, that single pixels of stable ground rarely reach.
        support_m: Weaker change belongs to a site if it is this near to firm change.
        least_area_m2: Smallest site.
        still_days: Ground taken later than this after the last growth is a change of its own.
        reach_m: Ground nearer than this to works that go on belongs to them.
        enclosed_share: Share of its surroundings that makes new ground infill of a site if the site holds it.
        least_extension_m2: New ground beside finished works that is smaller is infill too.
        notable_growth: Share of a site's area that new ground must have to count as its going on.
    """

    core: float = 9.0
    doubt: float = 2.0
    doubt_before: float = 0.5
    gain_weight: float = 0.25
    least_gain: float = 6.5
    least_core_m2: float = 300.0
    core_share: float = 0.03
    firm: float = 5.0
    support_m: float = 60.0
    least_area_m2: float = 900.0
    still_days: float = 90.0
    reach_m: float = 60.0
    enclosed_share: float = 0.5
    least_extension_m2: float = 2500.0
    notable_growth: float = 0.05
