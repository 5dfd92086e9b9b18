"""Loops over pixels as machine code, compiled at their first call and kept on disk from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A function of arrays and numbers, compiled by numba; not-a-number behaves as it does in numpy."""
    result: Callable[Parameters, Result] = numba.njit(cache=True)(function)
    return result
