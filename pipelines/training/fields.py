"""Random fields, blurs and resampling on the device, shared by both samplers."""

import math

import torch
import torch.nn.functional as F


def uniform(low, high):
    """One number between low and high."""
    return low + (high - low) * torch.rand(()).item()


def chance(probability):
    """True with this probability."""
    return torch.rand(()).item() < probability


def smooth_field(shape, scale_voxels, device, channels=1):
    """Gaussian noise, smooth over about `scale_voxels`; (C, I, J, K), SD about 1."""
    coarse = [max(2, math.ceil(n / scale_voxels) + 1) for n in shape]
    noise = torch.randn(1, channels, *coarse, device=device)
    field = F.interpolate(noise, size=shape, mode="trilinear", align_corners=True)
    return field[0] * 1.4  # linear interpolation shrinks the SD


def blur(volume, sigma):
    """Gaussian blur of (C, I, J, K); `sigma` in voxels, one or three."""
    sigmas = (sigma,) * 3 if isinstance(sigma, (int, float)) else sigma
    channels = volume.shape[0]
    out = volume[None]
    for axis, s in enumerate(sigmas):
        if s < 0.15:
            continue
        radius = max(1, math.ceil(2.5 * s))
        x = torch.arange(-radius, radius + 1, device=volume.device, dtype=volume.dtype)
        kernel = torch.exp(-0.5 * (x / s) ** 2)
        kernel = kernel / kernel.sum()
        shape, padding = [1, 1, 1, 1, 1], [0, 0, 0]
        shape[2 + axis], padding[axis] = -1, radius
        kernel = kernel.reshape(shape).expand(channels, 1, *shape[2:])
        out = F.conv3d(out, kernel.contiguous(), padding=padding, groups=channels)
    return out[0]


def rotation(limit_degrees):
    """Random 3 x 3 rotation, each angle within the limit."""
    matrix = torch.eye(3)
    for axis in range(3):
        angle = math.radians(uniform(-limit_degrees, limit_degrees))
        c, s = math.cos(angle), math.sin(angle)
        one = torch.eye(3)
        i, j = [a for a in range(3) if a != axis]
        one[i, i], one[j, j], one[i, j], one[j, i] = c, c, -s, s
        matrix = one @ matrix
    return matrix


def sampling_points(shape, centre, matrix, warp_mm, device, voxel_mm=1.0):
    """(3, I, J, K) points of the source that the patch's voxels look at.

    An affine map around `centre`, plus smooth displacements on two scales.
    """
    axes = [torch.arange(n, device=device, dtype=torch.float32) - (n - 1) / 2 for n in shape]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    points = torch.einsum("ab,bijk->aijk", matrix.to(device), points)
    points += torch.tensor(centre, device=device, dtype=torch.float32)[:, None, None, None]
    points += smooth_field(shape, 32 / voxel_mm, device, 3) * warp_mm
    points += smooth_field(shape, 12 / voxel_mm, device, 3) * warp_mm * 0.25
    return points


def sample_nearest(volume, points, outside=0):
    """Values of a (I, J, K) volume at points, nearest neighbour."""
    index = points.round().long()
    size = torch.tensor(volume.shape, device=volume.device)[:, None, None, None]
    inside = ((index >= 0) & (index < size)).all(0)
    index = torch.minimum(index.clamp_min(0), size - 1)
    flat = (index[0] * volume.shape[1] + index[1]) * volume.shape[2] + index[2]
    values = volume.reshape(-1)[flat]
    return torch.where(inside, values, torch.full_like(values, outside))


def sample_linear(volumes, points):
    """Values of (C, I, J, K) volumes at points, trilinear, 0 outside."""
    size = torch.tensor(volumes.shape[1:], device=volumes.device, dtype=torch.float32)
    grid = points / (size[:, None, None, None] - 1) * 2 - 1
    grid = grid.flip(0).permute(1, 2, 3, 0)[None]
    return F.grid_sample(volumes[None], grid, mode="bilinear", align_corners=True)[0]


def thick_slices(image, spacing_mm):
    """What slices of these thicknesses (mm, per axis) would have kept of (I, J, K)."""
    shape = image.shape
    small = [
        max(2, round(n / max(s, 1e-3))) if s > 1.05 else n
        for n, s in zip(shape, spacing_mm, strict=True)
    ]
    if list(small) == list(shape):
        return image
    down = F.interpolate(image[None, None], size=small, mode="area")
    return F.interpolate(down, size=shape, mode="trilinear", align_corners=False)[0, 0]


def acquisition(image, *, quality=1.0, voxel_mm=1.0):
    """Scanner effects on a (I, J, K) image: blur, bias, slices, noise, gamma.

    `quality` scales how bad they may be.
    """
    device, shape = image.device, image.shape
    top = image.mean() * 3 + 1e-6
    image = blur(image[None], [uniform(0.35, 0.35 + 0.55 * quality) for _ in range(3)])[0]
    if chance(0.75):
        strength = uniform(0, 0.3 * quality)
        image = image * torch.exp(
            smooth_field(shape, uniform(50, 110) / voxel_mm, device)[0] * strength
        )
    if chance(0.15):  # sharpened by the scanner
        image = image + uniform(0.3, 1.0) * (image - blur(image[None], 1.0)[0])
    if chance(0.1 * quality):  # ghost
        axis = int(uniform(0, 3))
        image = image + uniform(0.01, 0.06) * image.roll(int(uniform(5, 60)), axis)
    spacing = [1.0, 1.0, 1.0]
    draw = torch.rand(()).item()
    if draw < 0.35 * quality:  # thick slices
        spacing[int(uniform(0, 3)) if chance(0.4) else 2] = uniform(2, 6)
        if chance(0.3):
            others = uniform(1, 1.6)
            spacing = [max(s, others) for s in spacing]
    elif draw < 0.6 * quality:
        spacing = [uniform(1, 2.2)] * 3 if chance(0.6) else [uniform(1, 1.8) for _ in range(3)]
    spacing = [s / voxel_mm for s in spacing]
    noise = uniform(0, 0.2 * quality**0.5) ** 2 * top
    if chance(0.5):
        image = image + noise * torch.randn(shape, device=device)
        image = thick_slices(image, spacing)
    else:
        image = thick_slices(image, spacing)
        image = image + noise * torch.randn(shape, device=device)
    image = image.abs()
    if chance(0.4):
        image = top * (image / top).clamp_min(0) ** math.exp(uniform(-0.35, 0.35))
    return image


def normalise(image):
    """Divide by the 99th percentile of the foreground, as `mslesion` does.

    The foreground is what is brighter than the mean of the voxels that are not
    zero; a random 20,000 of them stand for all.
    """
    values = image[image > 0]
    if values.numel() < 100:
        return torch.zeros_like(image)
    values = values[torch.randint(values.numel(), (60000,), device=image.device)]
    values = values[values > values.mean()]
    scale = torch.quantile(values, 0.99)
    return (image / scale.clamp_min(1e-6)).clamp(0, 2)


WHITE_LEVELS = (0.65, 0.85, 0.35)
"""Median of white matter on FLAIR, T1w and T2w for the lesion network."""
TOP_VALUE = 2.5


def white_scale(scans, white):
    """(3, I, J, K) scans with the median of white matter at `WHITE_LEVELS`."""
    out = torch.zeros_like(scans)
    for channel, level in enumerate(WHITE_LEVELS):
        values = scans[channel][white]
        values = values[values > 0]
        if values.numel():
            out[channel] = (scans[channel] * (level / values.median())).clamp(0, TOP_VALUE)
    return out
