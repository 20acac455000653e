"""Write trained weights as an ONNX file that gives probabilities.

    python pipelines/training/export.py structures WEIGHTS.pt MODELS/structures.onnx
    python pipelines/training/export.py lesions WEIGHTS.pt MODELS/lesions.onnx

Batch normalisation is folded into the convolutions; there is no other normalisation
inside, so nothing is summed in single precision over the image. Kernels are stored in
half precision and used in single precision. Ends with a parity test of torch and
onnxruntime.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from network import LesionNetwork, StructureNetwork, input_channels
from onnx import TensorProto, helper, numpy_helper

PARITY = 5e-3
"""Largest difference between torch's and onnxruntime's probabilities (inclusive): that of
kernels rounded to half precision."""


class Probabilities(torch.nn.Module):
    """A network with softmax over its outputs, or the sigmoid of its only one."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        """Probabilities."""
        logits = self.network(x)
        return logits.sigmoid() if self.network.head.out_channels == 1 else logits.softmax(1)


def load(kind, path):
    """A network with weights from a file, widths taken from the weights."""
    state = torch.load(path, map_location="cpu")
    state = state.get("average", state)
    levels = sorted({int(key.split(".")[1]) for key in state if key.startswith("down.")})
    widths = tuple(state[f"down.{level}.1.weight.weight"].shape[0] for level in levels)
    network = {"structures": StructureNetwork, "lesions": LesionNetwork}[kind](widths)
    network.load_state_dict(state)
    return network.float().eval()


def halve_kernels(path):
    """Store the kernels of an ONNX file in half precision, with a cast behind each."""
    model = onnx.load(path)
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 4:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        cast = helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT)
        model.graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def export(kind, weights, output):
    """Write the ONNX file and compare it with torch."""
    model = Probabilities(load(kind, weights)).eval()
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    dims = {"structures": 3, "lesions": 2}[kind]
    name = {"structures": "scans", "lesions": "slices"}[kind]
    axes = {0: "count"} | {2 + axis: f"size{axis}" for axis in range(dims)}
    torch.onnx.export(
        model,
        (torch.rand(1, input_channels(dims), *[32] * dims),),
        str(output),
        input_names=[name],
        output_names=["probabilities"],
        dynamic_axes={name: axes, "probabilities": axes},
        opset_version=17,
        dynamo=False,
    )
    halve_kernels(str(output))
    session = ort.InferenceSession(str(output), providers=["CPUExecutionProvider"])
    test = torch.rand(2, input_channels(dims), *[48] * dims)
    (ours,) = session.run(None, {name: test.numpy()})
    with torch.no_grad():
        gap = np.abs(ours - model(test).numpy()).max()
    print(f"{output}: {Path(output).stat().st_size / 1e6:.1f} MB, parity {gap:.1e}")
    if gap > PARITY:
        raise SystemExit(f"torch and onnxruntime differ by {gap}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=("structures", "lesions"))
    parser.add_argument("weights", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    export(options.kind, options.weights, options.output)
