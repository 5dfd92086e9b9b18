"""Pictures from reflectance: stretch, outline, caption below the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine
from PIL import Image, ImageDraw, ImageFont
from shapely import get_parts
from shapely.geometry.base import BaseGeometry

from geo.scene import FloatArray

Rgb = tuple[int, int, int]

_MASKED: Rgb = (128, 128, 128)
_INK: Rgb = (20, 20, 20)
_PAPER: Rgb = (255, 255, 255)
_LINE_HEIGHT = 17
_FONT_SIZE = 13
_MARGIN = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """Linear stretch from reflectance to grey levels, the same for all bands so that colours stay true."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.3f} to {self.high:.3f}"


def common_stretch(images: Sequence[FloatArray]) -> Stretch:
    """One stretch for several images: 1st to 99th percentile of all their clear pixels together.

    Args:
        images: Reflectance (band, y, x), NaN where not clear.
    """
    clear = np.concatenate([image[np.isfinite(image)].ravel() for image in images])
    if clear.size == 0:
        return Stretch(0.0, 1.0)
    low, high = np.percentile(clear, (1.0, 99.0))
    return Stretch(round(float(low), 3), round(max(float(high), float(low) + 0.01), 3))


def panel(rgb: FloatArray, stretch: Stretch, factor: int) -> Image.Image:
    """An image for the eye: each pixel a square of `factor` screen pixels, nothing interpolated.

    Args:
        rgb: Reflectance (3, y, x); pixels with NaN in any band become mid-grey.
        stretch: Reflectance shown black and white.
        factor: Screen pixels per pixel.
    """
    masked = ~np.isfinite(rgb).all(axis=0)
    scaled = (np.nan_to_num(rgb) - stretch.low) / (stretch.high - stretch.low)
    levels: npt.NDArray[np.uint8] = np.rint(np.clip(scaled, 0.0, 1.0) * 255).astype(np.uint8)
    levels = np.ascontiguousarray(np.moveaxis(levels, 0, -1))
    levels[masked] = _MASKED
    picture = Image.fromarray(levels, mode=None)
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def draw_outline(picture: Image.Image, geometry: BaseGeometry, transform: Affine, factor: int, colour: Rgb) -> None:
    """Draws the rings of a geometry onto a panel, white under the colour, so that they read on any ground.

    Args:
        picture: Panel of a chip.
        geometry: Polygon or MultiPolygon in the chip's CRS.
        transform: Of the chip: pixel to CRS.
        factor: As in `panel`.
        colour: Of the line.
    """
    pen = ImageDraw.Draw(picture)
    for ring in rings_of(geometry, transform, factor):
        for width, ink in ((5, _PAPER), (3, colour)):
            pen.line(ring, fill=ink, width=width, joint="curve")


def rings_of(geometry: BaseGeometry, transform: Affine, factor: int = 1) -> list[list[tuple[float, float]]]:
    """Rings in screen pixels of a chip, (x, y) from its upper left corner."""
    inverse = ~transform
    return [
        [(column * factor, row * factor) for column, row in (inverse @ (x, y) for x, y in ring.coords)]
        for polygon in get_parts(geometry)
        for ring in (polygon.exterior, *polygon.interiors)
    ]


def captioned(panels: Sequence[Image.Image], lines: Sequence[str], metres_per_pixel: float) -> Image.Image:
    """Panels side by side with a caption, a scale bar and a north arrow below, nothing on the image itself.

    Args:
        panels: Images of one height.
        lines: Caption; a line too long for the width is broken.
        metres_per_pixel: Size of a screen pixel, m.
    """
    gap = 6
    width = sum(part.width for part in panels) + gap * (len(panels) - 1)
    font = ImageFont.load_default(_FONT_SIZE)
    text = [piece for line in lines for piece in _broken(line, width - 2 * _MARGIN, font)]
    height = panels[0].height
    canvas = Image.new("RGB", (width, height + _LINE_HEIGHT * (len(text) + 1) + 3 * _MARGIN), _PAPER)
    left = 0
    for part in panels:
        canvas.paste(part, (left, 0))
        left += part.width + gap
    pen = ImageDraw.Draw(canvas)
    _scale_bar(pen, (_MARGIN, height + _MARGIN), metres_per_pixel, panels[0].width, font)
    _north_arrow(pen, (width - 2 * _MARGIN, height + _MARGIN), font)
    for number, piece in enumerate(text, start=1):
        pen.text((_MARGIN, height + 2 * _MARGIN + number * _LINE_HEIGHT), piece, fill=_INK, font=font)
    return canvas


Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def _broken(line: str, width: int, font: Font) -> list[str]:
    """A line in pieces that fit: at blanks where there are some, else anywhere."""
    if font.getlength(line) <= width:
        return [line]
    pieces = [""]
    for word in line.split(" "):
        for part in _fitting(word, width, font):
            joined = f"{pieces[-1]} {part}".strip()
            if font.getlength(joined) <= width:
                pieces[-1] = joined
            else:
                pieces.append(part)
    return pieces


def _fitting(word: str, width: int, font: Font) -> list[str]:
    if font.getlength(word) <= width:
        return [word]
    half = len(word) // 2
    return [*_fitting(word[:half], width, font), *_fitting(word[half:], width, font)]


def _scale_bar(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], metres_per_pixel: float, room: int, font: Font
) -> None:
    x, y = corner
    length_m = round_length_m(metres_per_pixel * room / 3)
    end = x + round(length_m / metres_per_pixel)
    pen.line([(x, y + 4), (x, y + 12), (end, y + 12), (end, y + 4)], fill=_INK, width=2)
    pen.text(
        (end + 6, y + 2), f"{length_m:g} m" if length_m < 1000 else f"{length_m / 1000:g} km", fill=_INK, font=font
    )


def round_length_m(longest_m: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that fits.

    >>> round_length_m(340.0), round_length_m(99.0)
    (200.0, 50.0)
    """
    power = 10.0 ** np.floor(np.log10(longest_m))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= longest_m * (1 + 1e-9)))


def _north_arrow(pen: ImageDraw.ImageDraw, tip: tuple[int, int], font: Font) -> None:
    """Grid north: images are north-up in their UTM zone."""
    x, y = tip
    pen.polygon([(x, y), (x + 5, y + 14), (x, y + 10), (x - 5, y + 14)], fill=_INK)
    pen.text((x - 18, y), "N", fill=_INK, font=font)
