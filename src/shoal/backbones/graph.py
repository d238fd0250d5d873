"""EfficientNet-Lite as an ONNX graph, written from the network's weights, with every stage as an output."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAPH_VERSION = 1
"""Grows whenever the same weights would give other numbers; part of every fingerprint."""

Weights = Mapping[str, NDArray[np.float32]]
Ranges = Mapping[str, tuple[float, float]]

BATCH_NORM_EPSILON = 1e-3
ZERO_PIXEL, PIXEL_SCALE = 127, 1 / 128
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_OPSET, _IR = 17, 8
# 7 bits: without VNNI, x86 adds two products in 16 bits, which full 8-bit weights overflow silently.
_WEIGHT_LIMIT = 63


def build(weights: Weights, *, size: int, repeats: Sequence[int], ranges: Ranges | None = None) -> bytes:
    """Write the network as ONNX: uint8 RGB (N, size, size, 3) -> float32 (N, D) of each layer.

    `repeats` counts the blocks of each stage. Batch norm is folded into the convolutions. With `ranges`
    (activation name -> lowest and highest value) convolutions and sums of the activations named there run
    in int8; the outputs are averages in float32 all the same.
    """
    graph = _Graph(weights, size, ranges or {})
    value = graph.conv(graph.pixels(), "stem.out", "_conv_stem", "_bn0", stride=2, clip=True)
    graph.output(value, "stem")
    block = 0
    for stage, count in enumerate(repeats):
        for repeat in range(count):
            stride = _STRIDES[stage] if repeat == 0 else 1
            value = graph.block(value, f"_blocks.{block}", stride, residual=repeat > 0)
            block += 1
        graph.output(value, f"stage{stage + 1}")
    graph.output(graph.conv(value, "head.out", "_conv_head", "_bn1", clip=True), "head")
    return graph.serialise()


class _Graph:
    """Collects nodes and constants; a value is its name. `_side` px by `_width` channels is its size."""

    def __init__(self, weights: Weights, size: int, ranges: Ranges) -> None:
        self._weights, self._ranges = weights, ranges
        self._size = self._side = size
        self._width = 3
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._outputs: dict[str, int] = {}
        self._scales: dict[str, float] = {}

    def pixels(self) -> str:
        """Bring uint8 NHWC pixels to float32 NCHW (pixel - 127) / 128, what the weights were trained on."""
        planes = self._node("Transpose", ["images"], "planes", perm=[0, 3, 1, 2])
        grid = self._grid("pixels", PIXEL_SCALE, ZERO_PIXEL)
        return self._node("DequantizeLinear", [planes, *grid], "pixels")

    def block(self, value: str, name: str, stride: int, *, residual: bool) -> str:
        """Add one inverted residual: 1x1 expansion where there is one, depthwise, linear 1x1 projection."""
        start = value
        if f"{name}._expand_conv.weight" in self._weights:
            value = self.conv(value, f"{name}.wide", f"{name}._expand_conv", f"{name}._bn0", clip=True)
        depthwise = f"{name}._depthwise_conv"
        value = self.conv(value, f"{name}.seen", depthwise, f"{name}._bn1", stride=stride, clip=True)
        value = self.conv(value, f"{name}.out", f"{name}._project_conv", f"{name}._bn2")
        return self._activation("Add", [start, value], f"{name}.sum") if residual else value

    def conv(self, value: str, out: str, conv: str, norm: str, *, stride: int = 1, clip: bool = False) -> str:
        """Add a convolution with its batch norm folded in, padded as TensorFlow's SAME; ReLU6 if `clip`."""
        weight, bias = _folded(self._weights, conv, norm)
        side = ceil(self._side / stride)
        missing = max((side - 1) * stride + weight.shape[-1] - self._side, 0)
        self._side, self._width = side, len(weight)
        # Only a depthwise kernel has a single input plane in these networks.
        group = len(weight) if weight.shape[1] == 1 else 1
        inputs = [value, *self._parameters(value, out, weight, bias)]
        attributes = {"strides": [stride] * 2, "pads": _halves(missing), "group": group}
        return self._activation("Conv", inputs, out, clip=clip, **attributes)

    def output(self, value: str, layer: str) -> None:
        """Average `value` over the picture and give it out as `layer`."""
        self._node("Flatten", [self._node("GlobalAveragePool", [value], f"{layer}.pooled")], layer)
        self._outputs[layer] = self._width

    def serialise(self) -> bytes:
        """Return the ONNX file's bytes, the same for the same weights."""
        from onnx import TensorProto, helper

        graph = helper.make_graph(
            self._nodes,
            "efficientnet_lite",
            [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", self._size, self._size, 3])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])
                for name, width in self._outputs.items()
            ],
            list(self._constants.values()),
        )
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, producer_name="shoal", ir_version=_IR, opset_imports=opset)
        return bytes(model.SerializeToString(deterministic=True))

    def _activation(
        self, operator: str, inputs: list[str], out: str, *, clip: bool = False, **attributes: Any
    ) -> str:
        if out in self._ranges:
            raw = self._node(operator, inputs, f"{out}.raw", **attributes)
            scale, zero = _grid(*self._ranges[out])
            grid = self._grid(out, scale, zero)
            # Rounding onto a grid from 0 to at most 6 is ReLU6 at the same time.
            self._node("QuantizeLinear", [raw, *grid], f"{out}.int8")
            self._scales[out] = scale
            return self._node("DequantizeLinear", [f"{out}.int8", *grid], out)
        if not clip:
            return self._node(operator, inputs, out, **attributes)
        raw = self._node(operator, inputs, f"{out}.raw", **attributes)
        limits = [self._constant("zero", np.float32(0)), self._constant("six", np.float32(6))]
        return self._node("Clip", [raw, *limits], out)

    def _parameters(
        self, value: str, out: str, weight: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> list[str]:
        if out not in self._ranges or value not in self._scales:
            return [self._constant(f"{out}.weight", weight), self._constant(f"{out}.bias", bias)]
        # The second term keeps the bias of an almost dead channel within int32.
        step = np.float32(self._scales[value])
        highest = np.abs(weight).max(axis=(1, 2, 3)) / _WEIGHT_LIMIT
        scale = np.maximum(highest, np.abs(bias) / step / 2**30).astype(np.float32)
        rounded = np.rint(weight / scale[:, None, None, None]).astype(np.int8)
        bias_scale = scale * step
        rounded_bias = np.rint(bias.astype(np.float64) / bias_scale).astype(np.int32)
        return [
            self._rounded(f"{out}.weight", rounded, scale),
            self._rounded(f"{out}.bias", rounded_bias, bias_scale),
        ]

    def _rounded(self, name: str, values: NDArray[Any], scale: NDArray[np.float32]) -> str:
        inputs = [
            self._constant(f"{name}.values", values),
            self._constant(f"{name}.scale", scale),
            self._constant(f"{name}.zero", np.zeros(len(scale), values.dtype)),
        ]
        return self._node("DequantizeLinear", inputs, name, axis=0)

    def _grid(self, name: str, scale: float, zero: int) -> list[str]:
        return [
            self._constant(f"{name}.scale", np.float32(scale)),
            self._constant(f"{name}.zero", np.uint8(zero)),
        ]

    def _node(self, operator: str, inputs: list[str], out: str, **attributes: Any) -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(operator, inputs, [out], name=out, **attributes))
        return out

    def _constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self._constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


def _folded(weights: Weights, conv: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the convolution's weights (O, I, K, K) and bias (O,) that include its batch norm."""
    scale, shift, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / np.sqrt(variance + BATCH_NORM_EPSILON)
    weight = weights[f"{conv}.weight"] * factor[:, None, None, None]
    return weight.astype(np.float32), (shift - mean * factor).astype(np.float32)


def _halves(missing: int) -> list[int]:
    """Split padding as TensorFlow's SAME does, the odd pixel at the end: [top, left, bottom, right]."""
    return [missing // 2] * 2 + [missing - missing // 2] * 2


def _grid(lowest: float, highest: float) -> tuple[float, int]:
    """Return scale and zero point of the uint8 grid over [lowest, highest] and 0, which it hits exactly."""
    lowest, highest = min(lowest, 0.0), max(highest, 0.0)
    scale = float(np.float32(max(highest - lowest, 1e-6) / 255))
    return scale, round(-lowest / scale)
