"""The network: a small U-Net with additive skips, in 2D (slices) or 3D.

The 2D form sees a slice with its neighbours, and says which view it is; the
answers of the three views are averaged. It can be trained on a CPU. The 3D
form is for a GPU. Additive skips and nearest-neighbour upsampling were chosen
for onnxruntime: a concatenation there costs more than a convolution.
"""

import torch.nn.functional as F
from torch import nn

CHANNELS = ("FLAIR", "T1w", "T2w")
STRUCTURE_COUNT = 15
"""Background and the 14 structures; one more output is the lesion logit."""
NEIGHBOURS = 2
"""Slices on each side that the 2D form sees."""
WIDTHS = {2: (24, 40, 80, 144, 176), 3: (24, 48, 96, 144, 176)}
VIEWS = 3


def input_channels(dims):
    """How many channels the network reads."""
    return len(CHANNELS) * (2 * NEIGHBOURS + 1) + VIEWS if dims == 2 else len(CHANNELS)


class Convolution(nn.Module):
    """Convolution, batch normalisation (folded at export), ReLU."""

    def __init__(self, dims, inputs, outputs):
        super().__init__()
        convolution = nn.Conv2d if dims == 2 else nn.Conv3d
        norm = nn.BatchNorm2d if dims == 2 else nn.BatchNorm3d
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
    """Scans to the logits of 15 structures and of lesion; sizes in multiples of 16."""

    def __init__(self, dims, widths=None):
        super().__init__()
        self.dims = dims
        widths = widths or WIDTHS[dims]
        inputs = (input_channels(dims), *widths[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(Convolution(dims, i, o), Convolution(dims, o, o))
            for i, o in zip(inputs, widths, strict=True)
        )
        self.up = nn.ModuleList(
            Upsampling(dims, i, o) for o, i in zip(widths[:-1], widths[1:], strict=True)
        )
        self.merge = nn.ModuleList(
            nn.Sequential(Convolution(dims, w, w), Convolution(dims, w, w)) for w in widths[:-1]
        )
        last = nn.Conv2d if dims == 2 else nn.Conv3d
        self.head = last(widths[0], STRUCTURE_COUNT + 1, 1)

    def forward(self, x):
        """Logits, (B, 16, ...)."""
        pool = F.max_pool2d if self.dims == 2 else F.max_pool3d
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else pool(x, 2))
            skips.append(x)
        for level in reversed(range(len(self.merge))):
            x = self.merge[level](skips[level] + self.up[level](x))
        return self.head(x)
