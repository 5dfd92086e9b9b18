"""One acquisition, one scene: reprocessed products and neighbouring tiles of the same overpass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shapely import union_all
from shapely.geometry.base import BaseGeometry

from geo.scene import LeftOut, Scene

# Tiles of one Sentinel-2 datatake are stamped up to half a minute apart, overpasses of one satellite 100 minutes.
_SAME_OVERPASS = timedelta(minutes=10)
_NEW_GROUND = 0.01  # share of the area that a further product must add to be of use


@dataclass(frozen=True, slots=True)
class Product:
    """A catalogue entry: a scene, and what tells it from other products of the same acquisition.

    Attributes:
        scene: What it shows.
        platform: Satellite, such as `sentinel-2b`.
        tile: Tiling grid code, such as `MGRS-45TXH`; empty where there is none.
        crs: `EPSG:32645`; empty where unknown.
        processed_at: When it was processed, ISO 8601; empty where unknown.
    """

    scene: Scene
    platform: str = ""
    tile: str = ""
    crs: str = ""
    processed_at: str = ""


def one_per_acquisition(
    products: Iterable[Product], area: BaseGeometry, crs: str, *, joined: bool = False
) -> tuple[tuple[Scene, ...], tuple[LeftOut, ...]]:
    """Choose among products of the same overpass so that each piece of ground is counted once.

    The one that shows most of the area is taken, among these one in the area's own UTM zone, then the newest
    processing. Another is taken beside it only for ground that it alone shows (a datatake cut in two).

    Args:
        products: All that a search found.
        area: What is watched, EPSG:4326.
        crs: UTM zone of the area.
        joined: The source itself joins what one overpass shows, so that an overpass is one scene.

    Returns:
        Scenes ascending by acquisition, and the products left out with the reason.
    """
    chosen: list[Scene] = []
    left_out: list[LeftOut] = []
    for overpass in _overpasses(products):
        ranked = sorted(overpass, key=lambda product: _rank(product, area, crs), reverse=True)
        taken: list[Product] = []
        for product in ranked:
            if not taken or _adds_ground(product, taken, area):
                taken.append(product)
            else:
                left_out.append(LeftOut(product.scene.item_id, product.scene.acquired_at, _reason(product, taken[0])))
        chosen += [_whole(taken)] if joined else [product.scene for product in taken]
    return tuple(sorted(chosen, key=lambda scene: (scene.acquired_at, scene.item_id))), tuple(left_out)


def _overpasses(products: Iterable[Product]) -> list[list[Product]]:
    groups: list[list[Product]] = []
    # A catalogue that grows while its pages are read gives some entries twice.
    once = {(one.scene.collection, one.scene.item_id): one for one in products}.values()
    for product in sorted(once, key=lambda one: (one.platform, one.scene.acquired_at, one.scene.item_id)):
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and last.platform == product.platform
            and product.scene.acquired_at - last.scene.acquired_at <= _SAME_OVERPASS
        ):
            groups[-1].append(product)
        else:
            groups.append([product])
    return groups


def _whole(taken: Sequence[Product]) -> Scene:
    """The first product's scene with all the ground that the overpass shows."""
    return replace(taken[0].scene, scene_footprint=union_all([product.scene.scene_footprint for product in taken]))


def _rank(product: Product, area: BaseGeometry, crs: str) -> tuple[float, bool, tuple[int, ...], str, str]:
    return (
        round(_shown(product, area), 2),
        product.crs == crs,
        _version(product.scene.processing_baseline),
        product.processed_at,
        product.scene.item_id,
    )


def _shown(product: Product, area: BaseGeometry) -> float:
    return float(product.scene.scene_footprint.intersection(area).area / area.area)


def _adds_ground(product: Product, taken: Sequence[Product], area: BaseGeometry) -> bool:
    shown = union_all([one.scene.scene_footprint for one in taken])
    fresh = product.scene.scene_footprint.intersection(area).difference(shown)
    return bool(fresh.area > _NEW_GROUND * area.area)


def _reason(product: Product, winner: Product) -> str:
    same = f"the same acquisition as {winner.scene.item_id}"
    own, other = product.scene.processing_baseline, winner.scene.processing_baseline
    if own != other:
        return f"{same}, which was processed with baseline {other} and not {own}"
    if product.tile != winner.tile:
        return f"{same}, which shows it in a neighbouring tile"
    return f"{same}, which was processed later"


def _version(processing_baseline: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", processing_baseline or ""))
