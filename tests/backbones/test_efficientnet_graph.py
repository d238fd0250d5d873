"""The graph in its parts; that the whole equals the torch original stands in test_efficientnet_lite.py."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from shoal.backbones import graph
from shoal.backbones.efficientnet_lite import DESCRIPTIONS, activation_ranges, state
from shoal.backbones.onnx import OnnxRunner


def tiny(weight: np.ndarray, bias: list[float]) -> dict[str, np.ndarray]:
    """Weights of a network of a stem and a head only; its batch norm adds `bias` and changes nothing else."""
    plain = np.float32(1 - graph.BATCH_NORM_EPSILON)
    weights = {"_conv_stem.weight": weight, "_conv_head.weight": np.eye(2, dtype=np.float32)[..., None, None]}
    for norm, shift in (("_bn0", bias), ("_bn1", [0, 0])):
        weights[f"{norm}.weight"] = np.ones(2, np.float32)
        weights[f"{norm}.bias"] = np.array(shift, np.float32)
        weights[f"{norm}.running_mean"] = np.zeros(2, np.float32)
        weights[f"{norm}.running_var"] = np.full(2, plain)
    return weights


def test_pixels_are_centred_on_127_and_padded_with_it_at_the_end() -> None:
    weight = np.zeros((2, 3, 3, 3), np.float32)
    weight[0] = 1  # the sum of the window
    weight[1, 0, 1, 1] = 1  # the red of its middle
    image = np.full((1, 4, 4, 3), 127 + 64, np.uint8)
    vectors = OnnxRunner(graph.build(tiny(weight, [0, 0]), size=4, repeats=())).run(image)
    # Every pixel is 64/128. Windows begin at 0 and 2; the second one ends one pixel outside, where 0 is:
    # 9 x 3, 6 x 3, 6 x 3 and 4 x 3 values of 1/2, of which ReLU6 leaves at most 6.
    np.testing.assert_allclose(vectors["stem"], [[6, 0.5]])
    dimmer = graph.build(tiny(weight / 8, [0, 0]), size=4, repeats=())
    np.testing.assert_allclose(OnnxRunner(dimmer).run(image)["stem"], [[(27 + 18 + 18 + 12) / 64, 1 / 16]])


def test_batch_norm_is_folded() -> None:
    weights = {
        "c.weight": np.full((1, 1, 1, 1), 3, np.float32),
        "n.weight": np.array([2], np.float32),
        "n.bias": np.array([5], np.float32),
        "n.running_mean": np.array([7], np.float32),
        "n.running_var": np.array([0.25 - graph.BATCH_NORM_EPSILON], np.float32),
    }
    weight, bias = graph._folded(weights, "c", "n")
    np.testing.assert_allclose(weight.ravel(), [12], rtol=1e-6)  # 3 * 2 / 0.5
    np.testing.assert_allclose(bias, [-23], rtol=1e-6)  # 5 - 7 * 2 / 0.5


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero"),
    [
        (0, 6, 6 / 255, 0),
        (-1, 1.55, 0.01, 100),
        (2, 5.1, 5.1 / 255, 0),
        (-255, -3, 1, 255),
        (0, 0, 1e-6 / 255, 0),
    ],
)
def test_the_int8_grid_always_holds_zero(low: float, high: float, scale: float, zero: int) -> None:
    assert graph._grid(low, high) == (pytest.approx(scale, rel=1e-6), zero)


def test_an_odd_missing_pixel_is_padded_at_the_end() -> None:
    assert graph._halves(0) == [0, 0, 0, 0]
    assert graph._halves(1) == [0, 0, 1, 1]
    assert graph._halves(4) == [2, 2, 2, 2]


def test_the_bias_of_a_dead_channel_stays_within_int32() -> None:
    weights = tiny(np.full((2, 3, 3, 3), 0.01, np.float32), [1, 2])
    weights["_conv_head.weight"] = np.full((2, 2, 1, 1), 1e-30, np.float32)
    weights["_bn1.bias"] = np.array([3, 4], np.float32)
    ranges = {"stem.out": (0.0, 6.0), "head.out": (0.0, 6.0)}
    model = graph.build(weights, size=4, repeats=(), ranges=ranges)
    image = np.full((1, 4, 4, 3), 127, np.uint8)
    np.testing.assert_allclose(OnnxRunner(model).run(image)["head"], [[3, 4]], atol=6 / 255)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_fast_keeps_the_beginning_in_float32_and_weights_within_seven_bits(name: str) -> None:
    description = DESCRIPTIONS[name]
    weights = {key: tensor.numpy() for key, tensor in state(description).items()}
    ranges = activation_ranges(description)
    content = graph.build(weights, size=description.size, repeats=description.repeats, ranges=ranges)
    assert content == graph.build(
        weights, size=description.size, repeats=description.repeats, ranges=dict(reversed(ranges.items()))
    )
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model)
    made = {output for node in model.graph.node for output in node.output}
    assert ranges.keys() <= made
    assert not any(one.startswith(("stem", "_blocks.0.")) for one in ranges)
    values = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    rounded = [one for key, one in values.items() if key.endswith(".weight.values")]
    # All but the stem, two of the first block, the first expansion and the convolution that reads it.
    assert len(rounded) == sum(node.op_type == "Conv" for node in model.graph.node) - 5
    assert all(one.dtype == np.int8 and np.abs(one).max() <= 63 for one in rounded)
