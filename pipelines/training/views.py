"""Slices of volumes for the lesion network, and whole volumes put through it."""

import torch
import torch.nn.functional as F
from loop import half_precision
from network import NEIGHBOURS, VIEWS

SLICES_AT_ONCE = 24


def view_planes(view, count, shape, device):
    """(count, 3, ...) planes that say which view the slices are of."""
    planes = torch.zeros(count, VIEWS, *shape, device=device)
    planes[:, view] = 1
    return planes


def neighbours_of(volumes, view, cases, indices):
    """(n, C, 5, A, B): slices of (N, C, I, J, K) with their neighbours, lowest first.

    `cases` and `indices` say which slice of which volume; what lies outside a volume is 0.
    The result is in single precision.
    """
    volumes = volumes.movedim(2 + view, 1)
    count = volumes.shape[1]
    offsets = torch.arange(-NEIGHBOURS, NEIGHBOURS + 1, device=volumes.device)
    near = indices[:, None] + offsets
    inside = (near >= 0) & (near < count)
    chosen = volumes[cases[:, None], near.clamp(0, count - 1)]  # (n, 5, C, A, B)
    return chosen.movedim(2, 1).float() * inside[:, None, :, None, None]


def slices_of(volumes, view, indices):
    """(n, C * 5 + 3, A, B): slices of (C, I, J, K) as the network reads them.

    The neighbours of one channel stand together; planes that name the view follow.
    """
    chosen = neighbours_of(volumes[None], view, torch.zeros_like(indices), indices).flatten(1, 2)
    planes = view_planes(view, len(chosen), chosen.shape[2:], volumes.device)
    return torch.cat([chosen, planes], 1)


def pad_to_16(volumes):
    """Zeros behind the end of each axis, up to a multiple of 16."""
    padding = [p for n in reversed(volumes.shape[1:]) for p in (0, -n % 16)]
    return F.pad(volumes, padding)


@torch.no_grad()
def predict_lesions(model, scans):
    """(I, J, K) lesion probability: mean of the three views."""
    shape = scans.shape[1:]
    padded = pad_to_16(scans)
    total = torch.zeros(padded.shape[1:], device=scans.device)
    for view in range(VIEWS):
        out = total.movedim(view, 0)
        for indices in torch.arange(shape[view], device=scans.device).split(SLICES_AT_ONCE):
            with half_precision(scans.device):
                logits = model(slices_of(padded, view, indices))
            out[indices] += logits[:, 0].float().sigmoid()
    return (total / VIEWS)[tuple(slice(n) for n in shape)]
