"""A learned segmenter as an ONNX file: a tiny model, made here, in which red over a half is a building."""

import pickle
from datetime import date

import numpy as np
import pytest

from flows.parameters import MonitorParameters
from flows.segmenter import load_segmenter
from geo.errors import InputError

onnx = pytest.importorskip("onnx", reason="the extra `onnx` isn't installed")
pytest.importorskip("onnxruntime", reason="the extra `onnx` isn't installed")
FREE = (1, 3, "height", "width")


def save(path, shape=FREE, sharpness=40.0, activation="Sigmoid", channels=1):
    """A 1×1 convolution that looks at red alone, and an activation."""
    weights = np.zeros((channels, shape[1], 1, 1), np.float32)
    weights[:, 0] = sharpness
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w", "b"], ["logit"]), helper.make_node(activation, ["logit"], ["told"])],
        "tiny",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("told", onnx.TensorProto.FLOAT, (1, channels, *shape[2:]))],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.full(channels, -sharpness / 2, np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("shape", [FREE, (1, 3, 64, 48)])
@pytest.mark.parametrize("size", [(40, 30), (700, 130)])
def test_every_pixel_has_the_models_probability_whatever_the_tiles(tmp_path, shape, size):
    segmenter = load_segmenter(save(tmp_path / "model.onnx", shape))
    reflectance = np.random.default_rng(3).random((3, *size)).astype(np.float32)
    told = segmenter(reflectance)
    assert told.shape == size
    assert told.dtype == np.float32
    np.testing.assert_allclose(told, 1 / (1 + np.exp(-40.0 * (reflectance[0] - 0.5))), atol=1e-5)


def test_a_worker_process_can_be_handed_it(tmp_path):
    segmenter = load_segmenter(save(tmp_path / "model.onnx"))
    assert pickle.loads(pickle.dumps(segmenter)) == segmenter
    assert len(segmenter.sha256) == 64


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({"activation": "Relu"}, "outside of 0 to 1"),
        ({"shape": (1, 4, "height", "width")}, r"takes tensor\(float\)"),
        ({"channels": 2}, r"gives float32 \(1, 2, 512, 512\)"),
    ],
)
def test_a_model_of_another_kind_is_refused_with_a_sentence(tmp_path, made, sentence):
    with pytest.raises(InputError, match=sentence):
        load_segmenter(save(tmp_path / "model.onnx", **made))


def test_a_run_hands_it_to_the_half_metre_detector_or_says_why_not(tmp_path):
    model = save(tmp_path / "model.onnx")

    def a_run(gsd_m):
        return MonitorParameters(
            source="example", start=date(2020, 1, 1), outputs=tmp_path, gsd_m=gsd_m, segmenter=model
        )

    (objects,) = [one for one in a_run(0.5).chosen_detectors if one.name == "objects"]
    assert objects.parameters.segmenter_sha256 == load_segmenter(model).sha256
    with pytest.raises(InputError, match="at most: set --gsd-m"):
        _ = a_run(10.0).chosen_detectors


def test_a_file_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_segmenter(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(InputError, match="isn't an ONNX model"):
        load_segmenter(tmp_path / "text.onnx")
