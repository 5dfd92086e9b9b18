from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from geo.alignment import align, fill_gaps
from geo.errors import SceneUnusableError
from geo.radiometry import to_reflectance
from geo.registration import Registrar


def brightness(rasters, day):
    raster = next(raster for scene, raster in rasters if scene.item_id.endswith(day))
    return to_reflectance(raster).mean(axis=0), raster.valid


def displaced(image, valid, rows, columns):
    """The image with its ground moved down and right by a spline of higher order than the one under test."""
    moved = ndimage.shift(fill_gaps(image, valid), (rows, columns), order=5, mode="nearest")
    clear = ndimage.shift(valid.astype(float), (rows, columns), order=1) > 0.999
    return np.where(clear, moved, np.nan).astype(np.float32), clear


PAIRS = [
    ("2017-03-02", "2017-06-10"),  # winter, summer
    ("2017-03-02", "2018-03-22"),  # snow on the hills
    ("2017-03-02", "2020-06-02"),  # L1C, L2A of another terrain correction; three years of building
    ("2018-10-11", "2020-06-02"),
]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_known_shift_of_a_real_scene_is_found_to_a_tenth_of_a_pixel(facility_rasters, before, after):
    registrar = Registrar(*brightness(facility_rasters, before))
    image, valid = brightness(facility_rasters, after)
    home = np.array(registrar.displacement(image, valid, 4.0).offset_px)

    errors = []
    for rows, columns in np.random.default_rng(0).uniform(-2, 2, (6, 2)):
        found = registrar.displacement(*displaced(image, valid, rows, columns), 5.0)
        errors.append(np.hypot(*(found.offset_px - home - (rows, columns))))

    assert max(errors) < 0.1
    assert np.mean(errors) < 0.05


def test_shifts_around_every_triangle_of_real_scenes_close(facility_rasters):
    """What a series is worth: A to B and B to C make A to C, without any known truth."""
    days = ["2017-03-02", "2017-08-04", "2018-05-26", "2018-10-11"]
    images = [brightness(facility_rasters, day) for day in days]
    shifts = np.zeros((4, 4, 2))
    for i, one in enumerate(images):
        registrar = Registrar(*one)
        for j, other in enumerate(images):
            shifts[i, j] = registrar.displacement(*other, 4.0).offset_px

    gaps = [
        np.hypot(*(shifts[i, j] + shifts[j, k] - shifts[i, k]))
        for i in range(4) for j in range(4) for k in range(4) if len({i, j, k}) == 3
    ]  # fmt: skip
    assert np.sqrt(np.mean(np.square(gaps))) < 0.06


def test_a_scene_lies_on_itself(facility_rasters):
    image, valid = brightness(facility_rasters, "2017-06-10")

    found = Registrar(image, valid).displacement(image, valid, 4.0)

    assert np.hypot(*found.offset_px) < 1e-3
    assert not found.slope.any()
    assert found.quality > 0.99


def test_a_building_site_that_moves_does_not_drag_the_shift(facility_rasters):
    """New structure on a fifth of the area, itself displaced by a pixel: the other ground decides."""
    image, valid = brightness(facility_rasters, "2017-03-02")
    rng = np.random.default_rng(3)
    blocks = np.kron(rng.random((32, 32)) > 0.7, np.ones((4, 4))) * 0.2
    before, after = image.copy(), image.copy()
    before[90:218, 90:218] += blocks
    after[90:218, 90:218] += np.roll(blocks, (1, 1), (0, 1))

    found = Registrar(before, valid).displacement(*displaced(after, valid, 0.4, -0.7), 4.0)

    assert np.hypot(found.offset_px[0] - 0.4, found.offset_px[1] + 0.7) < 0.1


def test_stretch_is_told_from_shift(facility_rasters):
    image, valid = brightness(facility_rasters, "2017-06-10")
    whole = fill_gaps(image, valid)
    slope = np.array([[0.0, 0.0], [0.0, 0.004]])
    centre = np.array(whole.shape) / 2 - 0.5
    stretched = ndimage.affine_transform(
        whole,
        np.linalg.inv(np.eye(2) + slope),
        centre - np.linalg.inv(np.eye(2) + slope) @ centre,
        order=5,
        mode="nearest",
    )
    everywhere = np.ones_like(valid)

    found = Registrar(whole, everywhere).displacement(stretched.astype(np.float32), everywhere, 4.0)

    np.testing.assert_allclose(found.slope, slope, atol=5e-4)
    back, clear = align(stretched[None].astype(np.float32), everywhere, found)
    inner = clear & (ndimage.distance_transform_edt(clear) > 5)
    assert np.abs(back[0] - whole)[inner].mean() < 0.2 * np.abs(stretched - whole)[inner].mean()


def test_ground_elsewhere_is_refused_or_of_no_quality(facility_rasters):
    first, _ = brightness(facility_rasters, "2017-03-02")
    second, _ = brightness(facility_rasters, "2017-08-04")
    everywhere = np.ones((200, 200), bool)
    registrar = Registrar(first[40:240, :200], everywhere)
    others = [second[60:260, 100:300], second[40:240, :200][::-1], second[40:240, :200].T]
    for other in others:
        try:
            quality = registrar.displacement(np.ascontiguousarray(other), everywhere, 4.0).quality
        except SceneUnusableError:
            quality = 0.0
        assert quality < 0.3
    assert registrar.displacement(second[40:240, :200], everywhere, 4.0).quality > 0.7


def test_too_large_a_shift_is_implausible(facility_rasters):
    image, valid = brightness(facility_rasters, "2017-06-10")

    with pytest.raises(SceneUnusableError, match=r"implausible shift of 5\.\d pixels \(at most 2\.0\)|nothing"):
        Registrar(image, valid).displacement(*displaced(image, valid, 3, 4), 2.0)


@pytest.mark.parametrize("plain", [0.0, 0.3, 1.0])
def test_an_image_without_structure_is_no_reference(plain):
    with pytest.raises(SceneUnusableError, match="too little clear ground"):
        Registrar(np.full((100, 100), plain, np.float32), np.ones((100, 100), bool))


def test_nothing_in_common_is_refused(facility_rasters):
    image, valid = brightness(facility_rasters, "2017-06-10")
    west, east = valid.copy(), valid.copy()
    west[:, 150:] = False
    east[:, :151] = False

    with pytest.raises(SceneUnusableError):
        Registrar(np.where(west, image, np.nan), west).displacement(np.where(east, image, np.nan), east, 4.0)
