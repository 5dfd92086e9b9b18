"""From the numbers of a Sentinel-1 product to backscatter."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window
from scipy.interpolate import RegularGridInterpolator

from geo.errors import SceneUnusableError


@dataclass(frozen=True, slots=True)
class Calibration:
    """The table from DN to sigma nought: sigma0 = DN² / A² (Sentinel-1 Product Specification, calibration data).

    Attributes:
        lines: Image lines of the table's rows.
        pixels: Image pixels of the table's columns.
        amplitude: A (line, pixel).
    """

    lines: npt.NDArray[np.float64]
    pixels: npt.NDArray[np.float64]
    amplitude: npt.NDArray[np.float64]

    @classmethod
    def of_xml(cls, document: bytes, item_id: str) -> Calibration:
        """The table of a calibration annotation.

        Raises:
            SceneUnusableError: It is something else.
        """
        try:
            # Entities can't blow up: expat has bounded their expansion since 2.4.
            vectors = ElementTree.fromstring(document).findall("calibrationVectorList/calibrationVector")  # noqa: S314 - see above
            lines = [float(vector.findtext("line", "")) for vector in vectors]
            pixels = [_numbers(vector, "pixel") for vector in vectors]
            amplitude = [_numbers(vector, "sigmaNought") for vector in vectors]
            # Rows of the table may end at slightly different pixels: the first one's columns serve all.
            rows = [np.interp(pixels[0], at, numbers) for at, numbers in zip(pixels, amplitude, strict=True)]
            return cls(np.array(lines), pixels[0], np.stack(rows))
        except (ElementTree.ParseError, ValueError, IndexError) as error:
            raise SceneUnusableError(f"{item_id} has a calibration table that can't be read") from error

    def over(self, window: Window) -> npt.NDArray[np.float32]:
        """A for every pixel of a window, interpolated bilinearly, float32 (row, column)."""
        rows = np.clip(np.arange(window.row_off, window.row_off + window.height), self.lines[0], self.lines[-1])
        columns = np.clip(np.arange(window.col_off, window.col_off + window.width), self.pixels[0], self.pixels[-1])
        table = RegularGridInterpolator((self.lines, self.pixels), self.amplitude)
        amplitude: npt.NDArray[np.float32] = table(tuple(np.meshgrid(rows, columns, indexing="ij"))).astype(np.float32)
        return amplitude


def _numbers(vector: ElementTree.Element, name: str) -> npt.NDArray[np.float64]:
    return np.array(vector.findtext(name, "").split(), np.float64)
