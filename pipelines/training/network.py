"""The two networks: small U-Nets with additive skips.

Additive skips and nearest-neighbour upsampling were chosen for onnxruntime: a
concatenation there costs more than a convolution.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

CHANNELS = ("FLAIR", "T1w", "T2w")
STRUCTURE_COUNT = 15
"""Background and the 14 structures."""
NEIGHBOURS = 2
"""Slices on each side that the lesion network sees."""
VIEWS = 3
LESION_WIDTHS = (24, 40, 80, 144, 176)
STRUCTURE_WIDTHS = (16, 32, 64, 128, 128)


def input_channels(dims):
    """How many channels the network of slices (2) or of volumes (3) reads."""
    return len(CHANNELS) * (2 * NEIGHBOURS + 1) + VIEWS if dims == 2 else len(CHANNELS)


class InstanceNorm(nn.Module):
    """Zero mean and unit variance of each channel of each case, then a gain and a shift.

    On export the means are taken axis by axis: one sum in single precision over a whole
    image loses digits.
    """

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        """Apply to (B, C, I, J, K)."""
        if not torch.onnx.is_in_onnx_export():
            return F.instance_norm(x, weight=self.weight, bias=self.bias)
        x = x - self._mean(x)
        x = x / torch.sqrt(self._mean(x * x) + 1e-5)
        return x * self.weight.reshape(1, -1, 1, 1, 1) + self.bias.reshape(1, -1, 1, 1, 1)

    @staticmethod
    def _mean(x):
        for axis in (4, 3, 2):
            x = x.mean(axis, keepdim=True)
        return x


class Convolution(nn.Module):
    """Convolution, normalisation, ReLU; in 2D the batch's, folded at export."""

    def __init__(self, dims, inputs, outputs):
        super().__init__()
        convolution = nn.Conv2d if dims == 2 else nn.Conv3d
        norm = nn.BatchNorm2d if dims == 2 else InstanceNorm
        self.weight = convolution(inputs, outputs, 3, padding=1, bias=False)
        self.norm = norm(outputs)

    def forward(self, x):
        """Apply to (B, C, ...)."""
        return F.relu(self.norm(self.weight(x)))


class Upsampling(nn.Module):
    """Mix channels, then repeat each voxel twice along each axis."""

    def __init__(self, dims, inputs, outputs):
        super().__init__()
        convolution = nn.Conv2d if dims == 2 else nn.Conv3d
        self.mix = convolution(inputs, outputs, 1)

    def forward(self, x):
        """Apply to (B, C, ...)."""
        x = self.mix(x)
        if x.ndim == 4:
            return F.interpolate(x, scale_factor=2, mode="nearest")
        b, c, i, j, k = x.shape
        x = x.reshape(b * c, i, 1, j, 1, k, 1).expand(-1, -1, 2, -1, 2, -1, 2)
        return x.reshape(b, c, 2 * i, 2 * j, 2 * k)


class Network(nn.Module):
    """Images to logits, of the same size; sizes in multiples of 16."""

    def __init__(self, dims, widths, outputs):
        super().__init__()
        inputs = (input_channels(dims), *widths[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(Convolution(dims, i, o), Convolution(dims, o, o))
            for i, o in zip(inputs, widths, strict=True)
        )
        self.up = nn.ModuleList(Upsampling(dims, i, o) for o, i in itertools.pairwise(widths))
        self.merge = nn.ModuleList(self._merging(dims, width) for width in widths[:-1])
        self.pool = F.max_pool2d if dims == 2 else F.max_pool3d
        self.head = (nn.Conv2d if dims == 2 else nn.Conv3d)(widths[0], outputs, 1)

    def forward(self, x):
        """Logits, (B, outputs, ...)."""
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x, 2))
            skips.append(x)
        for level in reversed(range(len(self.merge))):
            x = self.merge[level](skips[level] + self.up[level](x))
        return self.head(x)


class LesionNetwork(Network):
    """Slices of a brain to the logit of lesion."""

    def __init__(self, widths=LESION_WIDTHS):
        super().__init__(2, widths, 1)

    @staticmethod
    def _merging(dims, width):
        return nn.Sequential(Convolution(dims, width, width), Convolution(dims, width, width))


class StructureNetwork(Network):
    """Whole heads of 2 mm to the logits of 15 structures."""

    def __init__(self, widths=STRUCTURE_WIDTHS):
        super().__init__(3, widths, STRUCTURE_COUNT)

    @staticmethod
    def _merging(dims, width):
        return Convolution(dims, width, width)
