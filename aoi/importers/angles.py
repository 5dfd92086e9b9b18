"""Angles as people write them: decimal degrees, degrees and minutes, degrees minutes seconds."""

from __future__ import annotations

import math
import re
import unicodedata

from aoi.importers.table import RowError

_HEMISPHERES = {"N": (1, "latitude"), "S": (-1, "latitude"), "E": (1, "longitude"), "W": (-1, "longitude")}
_CHINESE = {"北纬": "N", "南纬": "S", "东经": "E", "西经": "W", "度": " ", "分": " ", "秒": " "}
_MARKS = re.compile(r"[°d:′’‘´`'″”“\"m]")
_LIMIT_DEG = {"latitude": 90.0, "longitude": 180.0}


def parse_angle_deg(text: str, axis: str, column: str = "") -> float:
    r"""An angle in degrees, south and west negative.

    Reads `43.38385`, `43,38385`, `43.38 N`, `-43°23.031'`, `43°23'1.9"N`, `43 23 01,9`, `43d23m1.9s` and
    `北纬43度23分1.9秒`.

    Args:
        text: As written.
        axis: `latitude` or `longitude`.
        column: Where it stands, for the message.

    Raises:
        RowError: It isn't an angle on that axis.

    >>> parse_angle_deg("43°23'01,9\"N", "latitude")
    43.38386111111111
    >>> parse_angle_deg("88,28994", "longitude")
    88.28994
    """
    sign, rest = _hemisphere(text, axis, column)
    parts = _numbers(rest, text, axis, column)
    if any(not 0.0 <= part < 60.0 for part in parts[1:]):
        raise RowError(f"{text!r} has minutes or seconds of 60 or more: correct the {axis}", column)
    degrees = sign * sum(part / 60.0**power for power, part in enumerate(parts))
    if abs(degrees) > _LIMIT_DEG[axis]:
        other = "; latitude and longitude look swapped" if axis == "latitude" and abs(degrees) <= 180.0 else ""
        raise RowError(f"{text!r} is no {axis}, which ends at {_LIMIT_DEG[axis]:.0f}°{other}", column)
    return degrees


def split_pair(text: str, column: str = "") -> tuple[str, str]:
    r"""Both halves of a cell that holds a whole position, in the order written.

    >>> split_pair("43.38385, 88.28994"), split_pair("43.38 N 88.29 E")
    (('43.38385', '88.28994'), ('43.38 N', '88.29 E'))
    """
    for pattern in (r"\s*;\s*", r"\s*,\s+", r"(?<=[NSEWnsew])[\s,]+(?=[\d+-])", r"\s*,\s*", r"\s+"):
        halves = re.split(pattern, text.strip())
        if len(halves) == 2 and all(halves):
            return halves[0], halves[1]
    raise RowError(f"{text!r} isn't a position: write latitude, then longitude, such as '43.38385, 88.28994'", column)


def _hemisphere(text: str, axis: str, column: str) -> tuple[int, str]:
    # NFKC makes plain digits of full-width ones, but letters of some degree signs.
    plain = unicodedata.normalize("NFKC", re.sub("[º˚ᵒ]", "°", text)).replace("−", "-").strip()
    for word, plainly in _CHINESE.items():
        plain = plain.replace(word, plainly)
    plain = plain.strip()
    if re.search(r"\dd.*\ds$", plain.lower()):  # 43d30m36s: seconds, not south
        plain = plain[:-1]
    letter = re.search(r"^[NSEW]|[NSEW]$", plain.upper())
    if letter is None:
        negative = plain.startswith("-")
        return (-1 if negative else 1), plain.lstrip("+-")
    sign, its_axis = _HEMISPHERES[letter.group(0)]
    if its_axis != axis:
        raise RowError(f"{text!r} is a {its_axis}, not a {axis}: the two columns look swapped", column)
    rest = plain[1:] if letter.start() == 0 else plain[:-1]
    if rest.strip().startswith("-"):
        raise RowError(f"{text!r} has both a sign and a letter: leave one of them out", column)
    return sign, rest.strip().lstrip("+")


def _numbers(plain: str, text: str, axis: str, column: str) -> list[float]:
    """One to three numbers; only the last may have decimals."""
    cells = _MARKS.sub(" ", plain.lower()).split()
    numbers = [cell.replace(",", ".") for cell in cells]
    shaped = all(re.fullmatch(r"\d+", number) for number in numbers[:-1])
    if not (1 <= len(numbers) <= 3 and shaped and re.fullmatch(r"\d+(\.\d*)?|\.\d+", numbers[-1])):
        raise RowError(f"{text!r} isn't a {axis}: write degrees such as 43.38385 or 43°23'01.9\"N", column)
    values = [float(number) for number in numbers]
    return values if all(math.isfinite(value) for value in values) else [math.inf]
