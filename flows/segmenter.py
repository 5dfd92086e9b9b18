"""The user's own building segmenter, from an ONNX file. Needs the extra `onnx`.

The model has one input, float32 (1, 3, y, x): reflectance, 0 to 1, of red, green and blue at the pixel size of the run,
0 where not clear. It has one output, float32 (1, 1, y, x): the probability that each pixel is a building, 0 to 1 (after
the sigmoid, not before). Height and width may be free or fixed; the image is cut into overlapping tiles of that size.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from geo.errors import InputError
from geo.scene import FloatArray

TILE_PX = 512
EXPECTED = "one input float32 (1, 3, y, x) and one output float32 (1, 1, y, x)"


@dataclass(frozen=True)
class OnnxSegmenter:
    """A model file, opened when it is first used, so that worker processes can be handed it.

    Attributes:
        path: The file.
        sha256: Of the file, for provenance.
        tile_px: Height and width that it is run on.
    """

    path: Path
    sha256: str
    tile_px: tuple[int, int]

    def __call__(self, reflectance: FloatArray) -> FloatArray:
        """Probability of a building, float32 (y, x), of reflectance, float32 (3, y, x), tile by tile.

        Raises:
            InputError: The model fails on the image, or what it gives isn't a probability.
        """
        rows, columns = self.tile_px
        margin = (rows // 8, columns // 8)
        step = (rows - 2 * margin[0], columns - 2 * margin[1])
        height, width = reflectance.shape[1:]
        spare = (-height % step[0], -width % step[1])
        padded = np.pad(
            reflectance, ((0, 0), (margin[0], margin[0] + spare[0]), (margin[1], margin[1] + spare[1])), mode="edge"
        )
        probability = np.zeros((height + spare[0], width + spare[1]), np.float32)
        session = _session(self.path, self.sha256)
        for row in range(0, height, step[0]):
            for column in range(0, width, step[1]):
                tile = padded[:, row : row + rows, column : column + columns]
                inner = _run(session, self.path, tile)[margin[0] : rows - margin[0], margin[1] : columns - margin[1]]
                probability[row : row + step[0], column : column + step[1]] = inner
        return probability[:height, :width]


def load_segmenter(path: Path) -> OnnxSegmenter:
    """A model, tried on one tile.

    Raises:
        InputError: onnxruntime isn't installed, the file can't be read, or the model isn't what is expected.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the ONNX file of a building segmenter")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    session = _session(path, sha256)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(f"{path} has {len(inputs)} input(s) and {len(outputs)} output(s): export it with {EXPECTED}")
    shape = inputs[0].shape
    if inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        raise InputError(f"{path} takes {inputs[0].type} {shape}: export it with {EXPECTED}")
    rows, columns = (size if isinstance(size, int) else TILE_PX for size in shape[2:])
    segmenter = OnnxSegmenter(path, sha256, (rows, columns))
    trial = np.random.default_rng(0).uniform(0.0, 1.0, (3, rows, columns)).astype(np.float32)
    _run(session, path, trial)
    return segmenter


@lru_cache(maxsize=1)
def _session(path: Path, sha256: str) -> Any:
    """The opened model; opening takes longer than a tile does, so the last one is kept while it is the same."""
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as faults
    except ImportError as error:
        raise InputError(f"{path} needs onnxruntime: pip install 'facility-watch[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1  # facilities are followed side by side already
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (faults.Fail, faults.InvalidProtobuf, faults.InvalidGraph, faults.NotImplemented) as error:
        raise InputError(f"{path} isn't an ONNX model that can be opened: {str(error).splitlines()[0]}") from error


def _run(session: Any, path: Path, tile: FloatArray) -> FloatArray:
    """One tile (3, y, x) through the model, float32 (y, x), looked at before it is believed."""
    from onnxruntime.capi import onnxruntime_pybind11_state as faults

    try:
        (told,) = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(tile[None])})
    except (faults.Fail, faults.InvalidArgument, faults.RuntimeException) as error:
        raise InputError(f"{path} fails on a tile of {tile.shape}: {str(error).splitlines()[0]}") from error
    if told.dtype != np.float32 or told.shape != (1, 1, *tile.shape[1:]):
        raise InputError(
            f"{path} gives {told.dtype} {told.shape} for a tile of {tile.shape}: export it with {EXPECTED}"
        )
    if not (np.isfinite(told).all() and told.min() >= 0.0 and told.max() <= 1.0):
        raise InputError(
            f"{path} gives numbers outside of 0 to 1: export it with its sigmoid, so that it tells probability"
        )
    return np.asarray(told[0, 0], np.float32)
