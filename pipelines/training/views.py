"""Slices of volumes for the lesion network, and whole volumes put through it."""

import torch
import torch.nn.functional as F
from network import NEIGHBOURS, VIEWS

SLICES_AT_ONCE = 24


def view_planes(view, count, shape, device):
    """(count, 3, ...) planes that say which view the slices are of."""
    planes = torch.zeros(count, VIEWS, *shape, device=device)
    planes[:, view] = 1
    return planes


def slices_of(volumes, view, indices):
    """(n, C * 5 + 3, A, B): slices of (C, I, J, K) with their neighbours.

    The neighbours of one channel stand together, lowest first; outside the
    volume they are 0.
    """
    volumes = volumes.movedim(1 + view, 0)
    count = len(volumes)
    padded = F.pad(volumes.movedim(0, -1), (NEIGHBOURS, NEIGHBOURS)).movedim(-1, 0)
    index = torch.as_tensor(indices, device=volumes.device).long().clamp(0, count - 1)
    offsets = torch.arange(2 * NEIGHBOURS + 1, device=volumes.device)
    stacked = padded[index[:, None] + offsets]  # (n, 5, C, A, B)
    n, near, channels, a, b = stacked.shape
    stacked = stacked.movedim(2, 1).reshape(n, channels * near, a, b)
    return torch.cat([stacked, view_planes(view, n, (a, b), volumes.device)], 1)


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
        for first in range(0, shape[view], SLICES_AT_ONCE):
            indices = range(first, min(first + SLICES_AT_ONCE, shape[view]))
            with torch.autocast(scans.device.type, torch.bfloat16):
                logits = model(slices_of(padded, view, list(indices)))
            out[first : first + len(indices)] += logits[:, 0].float().sigmoid()
    return (total / VIEWS)[tuple(slice(n) for n in shape)]
