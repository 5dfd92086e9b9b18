from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import SceneUnusableError
from geo.sources.geotiff import acquisition_time, read_header

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def header_of(write_tiff, random_dn):
    """The header of a file written with some arguments."""

    def describe(name="s.tif", dn=random_dn, **how):
        return read_header(write_tiff(name, dn, **how), name)

    return describe


@pytest.mark.parametrize(
    ("tags", "stem", "expected"),
    [
        ({"ACQUISITION_DATE": "2017-03-02"}, "x", "2017-03-02T00:00:00+00:00"),
        ({"ACQUISITION_DATETIME": "2017-03-02T13:20:00+08:00"}, "x", "2017-03-02T05:20:00+00:00"),
        ({"DATETIME": "2017-03-02T05:20:21.024Z"}, "x", "2017-03-02T05:20:21.024000+00:00"),
        ({"TIFFTAG_DATETIME": "2017:03:02 05:20:21"}, "x", "2017-03-02T05:20:21+00:00"),
        ({"ACQUISITION_DATE": "20170302"}, "1999-01-01", "2017-03-02T00:00:00+00:00"),
        (
            {"ACQUISITION_DATE": "2017-03-02", "TIFFTAG_DATETIME": "2026:01:01 00:00:00"},
            "",
            "2017-03-02T00:00:00+00:00",
        ),
        ({}, "S2A_MSIL1C_20170302T052021_N0204_R062_T45TWJ_20170302T090000", "2017-03-02T05:20:21+00:00"),
        ({}, "scene_2017-03-02_b", "2017-03-02T00:00:00+00:00"),
        ({}, "2017-03-02T05-20-21Z", "2017-03-02T05:20:21+00:00"),
    ],
)
def test_acquisition_time(tags, stem, expected):
    assert acquisition_time(tags, stem).isoformat() == expected


@given(st.integers(500_000_000_000_000, 4_000_000_000_000_000).map(lambda us: EPOCH + timedelta(microseconds=us)))
def test_any_instant_comes_back_from_tag_and_name(instant):
    whole = instant.replace(microsecond=0)

    assert acquisition_time({"ACQUISITION_DATETIME": instant.isoformat()}, "") == instant
    assert acquisition_time({}, f"S2A_{whole:%Y%m%dT%H%M%S}_x") == whole


@pytest.mark.parametrize(
    ("tags", "stem"),
    [({}, "scene"), ({}, "2017-13-40"), ({}, "T12345678901"), ({"ACQUISITION_DATE": "last spring"}, "2017-03-02")],
)
def test_no_date_is_never_guessed(tags, stem):
    with pytest.raises(SceneUnusableError, match="date"):
        acquisition_time(tags, stem)


def test_bands_by_common_name(header_of):
    header = header_of(bands=("nir", "Red", "b8a"))

    assert header.band_index == {"B08": 1, "B04": 2, "B8A": 3}


def test_bands_by_declared_colour(header_of):
    assert header_of(bands=None, photometric="RGB").band_index == {"B04": 1, "B03": 2, "B02": 3}


def test_an_alpha_band_is_a_mask_and_no_band(header_of, random_dn):
    rgba = np.vstack([random_dn, random_dn[:1]])

    header = header_of(dn=rgba, bands=None, photometric="RGB", alpha="yes")

    assert header.band_index == {"B04": 1, "B03": 2, "B02": 3}


def test_one_panchromatic_band(header_of, random_dn):
    assert header_of(dn=random_dn[:1], bands=("pan",)).scene.bands == ("PAN",)


def test_thirteen_bands(header_of, random_dn):
    names = [f"B{n:02}" for n in range(1, 13)]
    names.insert(8, "B8A")

    header = header_of(dn=np.repeat(random_dn[:1], 13, axis=0), bands=names)

    assert header.scene.bands == tuple(names)


@pytest.mark.parametrize(
    ("bands", "reason"),
    [
        (None, r"unknown band\(s\) 1, 2, 3"),
        (("B04", "", "B02"), r"unknown band\(s\) 2:"),
        (("B04", "red", "B02"), "more than one band B04"),
        (("B04", "B13", "B02"), r"unknown band\(s\) 2 \(B13\)"),
    ],
)
def test_bands_that_cannot_be_told_are_named(header_of, bands, reason):
    with pytest.raises(SceneUnusableError, match=rf"s\.tif has .*{reason}"):
        header_of(bands=bands)


def test_a_classification_alone_is_no_scene(header_of, random_dn):
    with pytest.raises(SceneUnusableError, match="no reflectance band"):
        header_of(dn=random_dn[:1], bands=("SCL",))


def test_metadata_of_a_product(header_of):
    scene = header_of(
        tags={
            "ACQUISITION_DATE": "2022-01-30", "CONSTELLATION": "Sentinel-2", "PROCESSING_LEVEL": "Level-2A",
            "PROCESSING_BASELINE": "04.00", "CLOUD_COVER": "12.5", "SUN_ELEVATION": "31.25", "view:sun_azimuth": "160",
            "VIEW_OFF_NADIR": "unknown",
        }
    ).scene  # fmt: skip

    assert scene.collection == "sentinel-2-l2a"
    assert scene.processing_baseline == "04.00"
    assert (scene.cloud_cover_pct, scene.sun_elevation_deg, scene.sun_azimuth_deg) == (12.5, 31.25, 160.0)
    assert scene.view_off_nadir_deg is None
    assert scene.attribution == "Contains modified Copernicus Sentinel data 2022"


def test_an_attribution_given_is_kept_and_none_is_made_up(header_of):
    given_one = header_of(tags={"ACQUISITION_DATE": "2022-01-30", "ATTRIBUTION": "© Someone"})
    none = header_of()

    assert given_one.scene.attribution == "© Someone"
    assert (none.scene.attribution, none.scene.collection) == ("", "unknown")


@pytest.mark.parametrize(
    ("dtype", "scale", "tags", "expected"),
    [
        ("uint16", 2e-4, {}, (2e-4, 0.0)),
        ("uint16", None, {}, (1e-4, 0.0)),
        ("uint8", None, {}, (1 / 255, 0.0)),
        ("float32", None, {}, (1.0, 0.0)),
        ("uint16", None, {"PROCESSING_BASELINE": "05.00", "EARTHSEARCH_BOA_OFFSET_APPLIED": "false"}, (1e-4, -0.1)),
        ("uint16", None, {"PROCESSING_BASELINE": "05.00", "EARTHSEARCH_BOA_OFFSET_APPLIED": "true"}, (1e-4, 0.0)),
        ("uint16", 1e-4, {"PROCESSING_BASELINE": "05.00"}, (1e-4, 0.0)),
    ],
)
def test_radiometry_is_the_files_or_that_of_its_kind_of_number(header_of, dtype, scale, tags, expected):
    header = header_of(dn=np.ones((3, 4, 4), dtype), scale=scale, tags={"ACQUISITION_DATE": "2022-02-01", **tags})

    assert (header.scale["B04"], header.offset["B04"]) == pytest.approx(expected)


def test_an_offset_that_nothing_decides_is_a_reason(header_of):
    with pytest.raises(SceneUnusableError, match=r"s\.tif .*05\.09"):
        header_of(scale=None, tags={"ACQUISITION_DATE": "2024-02-01", "PROCESSING_BASELINE": "05.09"})


def test_pixel_size_in_metres_in_any_crs(header_of):
    degrees = header_of("d.tif", crs="EPSG:4326", transform=Affine(1e-4, 0, 88.0, 0, -1e-4, 43.0))
    feet = header_of("f.tif", crs="EPSG:2263", transform=Affine(10, 0, 980_000, 0, -10, 200_000))

    assert degrees.scene.gsd_m == pytest.approx(11.11, abs=0.02), "the coarser side, along the meridian"
    assert feet.scene.gsd_m == pytest.approx(3.048, abs=1e-3)


def test_colours_are_not_taken_from_a_grey_file(header_of, random_dn):
    with pytest.raises(SceneUnusableError, match="unknown band"):
        header_of(dn=random_dn[:1], bands=None)
