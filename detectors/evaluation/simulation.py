"""Buildings drawn into real scenes: sites whose size, roof and date are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from rasterio.features import rasterize
from scipy import ndimage
from shapely import MultiPolygon, affinity, box
from shapely.geometry.base import BaseGeometry

from geo.grid import Grid
from geo.scene import FloatArray, ImageStack

# Reflectance of roofs by band family: blue, green, red, near and short-wave infrared. Typical of coated steel,
# concrete, bitumen and tile (after the urban part of the ECOSTRESS spectral library, Meerdink et al. 2019).
ROOFS = {
    "white steel": (0.48, 0.52, 0.54, 0.56, 0.50),
    "blue steel": (0.30, 0.20, 0.13, 0.25, 0.28),
    "red tile": (0.12, 0.16, 0.34, 0.38, 0.36),
    "concrete": (0.27, 0.29, 0.31, 0.33, 0.34),
    "bitumen": (0.08, 0.08, 0.09, 0.11, 0.13),
}
# Bare loam in the same families (ECOSTRESS, soils): what is left where plants are stripped off.
SOIL = (0.09, 0.12, 0.16, 0.24, 0.32)
_FAMILY = {"B02": 0, "B03": 1, "B04": 2, "B05": 3, "B06": 3, "B07": 3, "B08": 3, "B8A": 3, "B11": 4, "B12": 4}

# Modulation transfer of Sentinel-2's 10 m bands at the Nyquist frequency is 0.15 to 0.30 (S2 MPC Data Quality
# Report); a Gaussian of half a pixel has 0.29.
POINT_SPREAD_PX = 0.5
OVERSAMPLING = 5


@dataclass(frozen=True, slots=True)
class Site:
    """A building, or a compound of them, and the ground stripped around.

    Attributes:
        building: Polygon or MultiPolygon in the grid's CRS.
        extent: Buildings and stripped ground, polygon in the grid's CRS.
        roof: Key of `ROOFS`.
        first: Scene that it stands in first.
        building_m2: Area of one building.
    """

    building: BaseGeometry
    extent: BaseGeometry
    roof: str
    first: int
    building_m2: float


def draw_site(
    random: np.random.Generator, grid: Grid, building_m2: float, scenes: int, before: int = 2, after: int = 3
) -> Site:
    """A site of a given size at a random place, angle, shape, roof and date.

    Args:
        random: Source of chance.
        grid: Ground that it must lie in.
        building_m2: Area of the building, m².
        scenes: Scenes of the series.
        before: Scenes that must come before it.
        after: Scenes that must show it.
    """
    stretch = random.uniform(1.0, 3.0)
    length, width = np.sqrt(building_m2 * stretch), np.sqrt(building_m2 / stretch)
    apron = random.uniform(5.0, 20.0)
    min_x, min_y, max_x, max_y = grid.bounds
    room = length / 2 + apron + 80.0
    x, y = random.uniform(min_x + room, max_x - room), random.uniform(min_y + room, max_y - room)
    angle = random.uniform(0.0, 180.0)
    building = affinity.rotate(box(x - length / 2, y - width / 2, x + length / 2, y + width / 2), angle)
    extent = building.buffer(apron, join_style="mitre")
    roof = str(random.choice(list(ROOFS)))
    return Site(building, extent, roof, int(random.integers(before, scenes - after + 1)), building_m2)


def draw_compound(
    random: np.random.Generator, grid: Grid, ground_m2: float, scenes: int, before: int = 2, after: int = 3
) -> Site:
    """A compound of a given extent: rows of equal buildings on stripped ground, at a random place, angle and date.

    Args:
        random: Source of chance.
        grid: Ground that it must lie in.
        ground_m2: Area of the ground taken, m².
        scenes: Scenes of the series.
        before: Scenes that must come before it.
        after: Scenes that must show it.
    """
    stretch = random.uniform(1.0, 2.5)
    length, width = np.sqrt(ground_m2 * stretch), np.sqrt(ground_m2 / stretch)
    min_x, min_y, max_x, max_y = grid.bounds
    room = min(length / 2 + 80.0, (max_x - min_x) / 2 - 1.0, (max_y - min_y) / 2 - 1.0)
    x, y = random.uniform(min_x + room, max_x - room), random.uniform(min_y + room, max_y - room)
    cell_m, filled = random.uniform(45.0, 90.0), random.uniform(0.35, 0.65)
    house = np.array([1.0, random.uniform(0.3, 0.7)]) * cell_m * filled
    buildings = [
        box(x + east - house[0] / 2, y + north - house[1] / 2, x + east + house[0] / 2, y + north + house[1] / 2)
        for east in np.arange(-length / 2 + cell_m / 2, length / 2 - cell_m / 3, cell_m)
        for north in np.arange(-width / 2 + cell_m / 2, width / 2 - cell_m / 3, cell_m)
        if random.random() < 0.8
    ]
    ground = box(x - length / 2, y - width / 2, x + length / 2, y + width / 2)
    angle, centre = random.uniform(0.0, 180.0), (x, y)
    roof = str(random.choice(list(ROOFS)))
    return Site(
        affinity.rotate(MultiPolygon(buildings), angle, origin=centre),
        affinity.rotate(ground, angle, origin=centre),
        roof,
        int(random.integers(before, scenes - after + 1)),
        float(house.prod()),
    )


def with_site(stack: ImageStack, site: Site, random: np.random.Generator, jitter_px: float = 0.15) -> ImageStack:
    """A stack with a site drawn in from its first scene on.

    The site is drawn at a fifth of a pixel, blurred by the sensor's point spread, averaged to pixels, shifted by
    what registration leaves over in each scene, and lit as the scene is. Masks and gaps stay those of the stack.

    Args:
        stack: Real scenes.
        site: What to draw.
        random: Source of the shifts and of the roof's brightness.
        jitter_px: Standard deviation of the shift left over in each axis, pixels.
    """
    reflectance = stack.reflectance.copy()
    brightness = random.uniform(0.85, 1.15)
    ground = _around(stack, site)
    for index in range(site.first, len(stack)):
        shift = random.normal(0.0, jitter_px, 2)
        roof, shadow, apron = _coverage(stack.grid, site, shift, _shadow_m(site))
        light = _light(stack, index)
        for band, name in enumerate(stack.bands):
            under = reflectance[index, band]
            roofed = brightness * ROOFS[site.roof][_FAMILY.get(name, 2)] * light
            bare = 1.1 * ground[band] * light
            under = under * (1 - roof - shadow - apron) + roof * roofed + apron * bare + shadow * 0.45 * bare
            reflectance[index, band] = under
    return replace(stack, reflectance=reflectance.astype(np.float32))


def _shadow_m(site: Site) -> float:
    """Length of the shadow: larger buildings are higher, 4 to 10 m, under a sun at 45°."""
    return float(np.clip(2.0 + np.sqrt(site.building_m2) / 10.0, 4.0, 10.0))


def _light(stack: ImageStack, index: int) -> float:
    """How bright a scene is against the reference, from the ground clear in both."""
    both = stack.valid[index] & stack.valid[stack.reference_index]
    if not both.any():
        return 1.0
    now = np.nanmedian(stack.reflectance[index][:, both])
    return float(np.clip(now / np.nanmedian(stack.reflectance[stack.reference_index][:, both]), 0.5, 2.0))


def _around(stack: ImageStack, site: Site) -> npt.NDArray[np.float64]:
    """Reflectance (band,) of stripped ground: that around the site in the reference scene, soil's if it is covered.

    Ground under plants or in deep shade is far darker in red than soil.
    """
    mask = rasterize(
        [(site.extent.buffer(60), 1)], stack.grid.shape, transform=stack.grid.transform, all_touched=True
    ).astype(bool)
    there = stack.reflectance[stack.reference_index][:, mask]
    clear = there[:, np.isfinite(there).all(axis=0)]
    soil = np.array([SOIL[_FAMILY.get(name, 2)] for name in stack.bands])
    if clear.shape[1] == 0:
        return soil
    ground = np.median(clear, axis=1).astype(np.float64)
    red = stack.bands.index("B04") if "B04" in stack.bands else 0
    return soil if ground[red] < soil[red] / 2 else ground


def _coverage(
    grid: Grid, site: Site, shift_px: npt.NDArray[np.float64], shadow_m: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Share of each pixel under roof, shadow (to the north) and stripped ground, as the sensor sees it."""
    rows, columns = grid.shape[0] * OVERSAMPLING, grid.shape[1] * OVERSAMPLING
    fine = (
        grid.transform @ grid.transform.translation(-shift_px[0], -shift_px[1]) @ grid.transform.scale(1 / OVERSAMPLING)
    )
    cast = affinity.translate(site.building, 0.0, shadow_m).difference(site.building)
    layers = [(site.extent, 3), (cast, 2), (site.building, 1)]
    drawn = rasterize([layer for layer in layers if not layer[0].is_empty], (rows, columns), transform=fine)
    shares = []
    for label in (1, 2, 3):
        blurred = ndimage.gaussian_filter((drawn == label).astype(np.float32), POINT_SPREAD_PX * OVERSAMPLING)
        shape = (grid.shape[0], OVERSAMPLING, grid.shape[1], OVERSAMPLING)
        shares.append(blurred.reshape(shape).mean(axis=(1, 3)))
    return shares[0], shares[1], shares[2]
