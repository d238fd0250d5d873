"""Trained layers as ONNX files, written node by node: no tracing, nothing but what is needed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from shoal.training.checked import Floats

_OPSET, _IR = 17, 8


def head_graph(
    mean: Floats, scale: Floats, layers: Sequence[tuple[Floats, Floats]], *, unit: bool, normalise: bool
) -> bytes:
    """Write (x - mean) * scale, then each layer's (weight (O, I), bias (O,)) with ReLU between, as ONNX.

    "vectors" (N, D) float32, scaled to length 1 if `unit` -> "embedding" (N, d) float32, scaled to length 1
    if `normalise`.
    """
    graph = _Graph()
    value = graph.unit("vectors", "input") if unit else "vectors"
    value = graph.node("Sub", [value, graph.constant("mean", mean)], "centred")
    value = graph.node("Mul", [value, graph.constant("scale", scale)], "standardised")
    for number, (weight, bias) in enumerate(layers):
        inputs = [value, graph.constant(f"weight{number}", weight), graph.constant(f"bias{number}", bias)]
        value = graph.node("Gemm", inputs, f"layer{number}", transB=1)
        if number < len(layers) - 1:
            value = graph.node("Relu", [value], f"relu{number}")
    value = graph.unit(value, "output") if normalise else value
    graph.node("Identity", [value], "embedding")
    return graph.serialise("head", ("vectors", len(mean)), ("embedding", len(layers[-1][1])))


class _Graph:
    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, operator: str, inputs: list[str], out: str, **attributes: Any) -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(operator, inputs, [out], name=out, **attributes))
        return out

    def unit(self, value: str, name: str) -> str:
        length = self.node("ReduceL2", [value], f"{name}.length", axes=[1], keepdims=1)
        safe = self.node("Max", [length, self.constant(f"{name}.least", np.float32(1e-12))], f"{name}.safe")
        return self.node("Div", [value, safe], f"{name}.unit")

    def constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def serialise(self, name: str, given: tuple[str, int], made: tuple[str, int]) -> bytes:
        from onnx import TensorProto, helper

        ends = [helper.make_tensor_value_info(one, TensorProto.FLOAT, ["N", n]) for one, n in (given, made)]
        graph = helper.make_graph(self._nodes, name, ends[:1], ends[1:], self._constants)
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, producer_name="shoal", ir_version=_IR, opset_imports=opset)
        return bytes(model.SerializeToString(deterministic=True))
