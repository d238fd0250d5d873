"""Trained layers as ONNX files, written node by node: no tracing, nothing but what is needed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from shoal.training.checked import Floats

_OPSET, _IR = 17, 8


def add_head(
    graph: "Graph",
    mean: Floats,
    scale: Floats,
    layers: Sequence[tuple[Floats, Floats]],
    *,
    unit: bool,
    normalise: bool,
) -> None:
    """Add (x - mean) * scale, then each layer's (weight (O, I), bias (O,)) with ReLU between, to a graph.

    "vectors" (N, D) float32, scaled to length 1 if `unit` -> "embedding" (N, d) float32, scaled to length 1
    if `normalise`.
    """
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


def probe_graph(weights: Floats, bias: Floats, *, unit: bool) -> bytes:
    """Write x W^T + b as ONNX: "vectors" (N, D), scaled to length 1 if `unit` -> "logits" (N, K)."""
    graph = Graph()
    value = graph.unit("vectors", "input") if unit else "vectors"
    graph.node(
        "Gemm",
        [value, graph.constant("weights", weights), graph.constant("bias", bias)],
        "logits",
        transB=1,
    )
    return graph.serialise("probe", ("vectors", weights.shape[1]), [("logits", len(bias))])


class Graph:
    """An ONNX graph that grows node by node; every value has the name that was given to it."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, operator: str, inputs: list[str], out: str, **attributes: Any) -> str:
        """Add a node with one output and return its name."""
        from onnx import helper

        self._nodes.append(helper.make_node(operator, inputs, [out], name=out, **attributes))
        return out

    def unit(self, value: str, name: str) -> str:
        """Scale the rows of a value (N, D) to length 1, whatever their size, and return the result's name."""
        least = self.constant(f"{name}.least", np.finfo(np.float32).tiny)
        sizes = self.node("Abs", [value], f"{name}.sizes")
        largest = self.node("ReduceMax", [sizes], f"{name}.largest", axes=[1], keepdims=1)
        divisor = self.node("Max", [largest, least], f"{name}.divisor")
        # squares neither overflow nor vanish then
        fair = self.node("Div", [value, divisor], f"{name}.fair")
        length = self.node("ReduceL2", [fair], f"{name}.length", axes=[1], keepdims=1)
        safe = self.node("Max", [length, least], f"{name}.safe")
        return self.node("Div", [fair, safe], f"{name}.unit")

    def steps(self, value: str, edges: Floats, heights: Floats, out: str) -> str:
        """Give a value (N, 1) the height (B,) of its place between ascending edges (B - 1,)."""
        above = self.node("Greater", [value, self.constant(f"{out}.edges", edges[None])], f"{out}.above")
        passed = self.node("Cast", [above], f"{out}.passed", to=1)
        rises = self.constant(f"{out}.rises", np.diff(heights)[:, None])
        risen = self.node("MatMul", [passed, rises], f"{out}.risen")
        return self.node("Add", [risen, self.constant(f"{out}.lowest", heights[:1])], out)

    def constant(self, name: str, value: Any) -> str:
        """Add a float32 constant and return its name."""
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def serialise(self, name: str, given: tuple[str, int], made: Sequence[tuple[str, int]]) -> bytes:
        """Return the graph as a file; `given` and `made` are its input and outputs (N, width) by name."""
        from onnx import TensorProto, helper

        ends = [helper.make_tensor_value_info(one, TensorProto.FLOAT, ["N", n]) for one, n in (given, *made)]
        graph = helper.make_graph(self._nodes, name, ends[:1], ends[1:], self._constants)
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, producer_name="shoal", ir_version=_IR, opset_imports=opset)
        return bytes(model.SerializeToString(deterministic=True))
