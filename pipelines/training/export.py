"""Write trained weights as an ONNX file that gives probabilities.

    python pipelines/training/export.py WEIGHTS.pt MODEL.onnx

Batch normalisation is folded into the convolutions; there is no other normalisation
inside, so nothing is summed in single precision over the image. Ends with a parity
test of torch and onnxruntime.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from network import STRUCTURE_COUNT, Network, input_channels

PARITY = 1e-4
"""Largest difference between torch and onnxruntime probabilities (inclusive)."""


class WithProbabilities(torch.nn.Module):
    """The network with softmax over the structures and sigmoid of the lesion logit."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, slices):
        """Probabilities of 15 structures, then of lesion."""
        logits = self.network(slices)
        return torch.cat(
            [logits[:, :STRUCTURE_COUNT].softmax(1), logits[:, STRUCTURE_COUNT:].sigmoid()], 1
        )


def load(path, dims):
    """A network with weights from a file, widths taken from the weights."""
    state = torch.load(path, map_location="cpu")
    state = state.get("average", state)
    levels = sorted({int(key.split(".")[1]) for key in state if key.startswith("down.")})
    widths = tuple(state[f"down.{level}.1.weight.weight"].shape[0] for level in levels)
    network = Network(dims, widths)
    network.load_state_dict(state)
    return network.float().eval()


def export(weights, output, *, dims=2):
    """Write the ONNX file and compare it with torch."""
    model = WithProbabilities(load(weights, dims)).eval()
    example = torch.rand(2, input_channels(dims), *[32] * dims)
    axes = {0: "count"} | {2 + axis: f"size{axis}" for axis in range(dims)}
    torch.onnx.export(
        model,
        (example,),
        str(output),
        input_names=["slices"],
        output_names=["probabilities"],
        dynamic_axes={"slices": axes, "probabilities": axes},
        opset_version=17,
        dynamo=False,
    )
    onnx.checker.check_model(str(output))
    session = ort.InferenceSession(str(output), providers=["CPUExecutionProvider"])
    test = torch.rand(3, input_channels(dims), *[64] * dims)
    (ours,) = session.run(None, {"slices": test.numpy()})
    with torch.no_grad():
        gap = np.abs(ours - model(test).numpy()).max()
    print(f"{output}: {Path(output).stat().st_size / 1e6:.1f} MB, parity {gap:.1e}")
    if gap > PARITY:
        raise SystemExit(f"torch and onnxruntime differ by {gap}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--dims", type=int, choices=(2, 3), default=2)
    options = parser.parse_args()
    export(options.weights, options.output, dims=options.dims)
