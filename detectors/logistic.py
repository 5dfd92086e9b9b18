"""The logistic function of the calibrations of confidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit


def probability(logit: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probability of log-odds, float64 of their shape; never 0 or 1, for no evidence is certain.

    >>> float(probability(0.0)), bool(0.0 < probability(-1e6) < probability(1e6) < 1.0)
    (0.5, True)
    """
    return np.asarray(expit(np.clip(logit, -30.0, 30.0)), np.float64)
