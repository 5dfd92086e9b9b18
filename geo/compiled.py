"""Loops over pixels as machine code, compiled at their first call and kept on disk from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A function of arrays and numbers, compiled by numba; not-a-number behaves as it does in numpy.

    What is kept is found again by the function's own file alone, so it may call compiled functions of that file only.
    """
    result: Callable[Parameters, Result]
    try:
        result = numba.njit(cache=True)(function)
    except RuntimeError:  # neither beside the code nor in the user's cache can anything be written
        result = numba.njit(cache=False)(function)
    return result
