"""Cases for the lesion network, and batches of slices of them, changed at random.

A case is a whole brain: few of them fit in memory, so that a slice of one is shaded and
given another contrast each time it is drawn, and as often as not turned and scaled. The
constants are ours.
"""

import random
from typing import NamedTuple

import torch
import torch.nn.functional as F
from fields import TOP_VALUE, WHITE_LEVELS
from loop import to_device
from network import CHANNELS, VIEWS
from views import neighbours_of, view_planes

REAL_SHARE = 0.65
DRAWN_REAL_SHARE = 0.75
"""Share of real scans among the cases, and among the slices drawn of them."""
CONTRAST_RANGE = 0.5
"""Largest log of the power by which contrast to white matter is changed."""
LESION_CONTRAST = (1.2, 2.0)
"""Signal of lesions by that of white matter on FLAIR, from scanner to scanner."""
GAIN_SPREAD, LARGEST_NOISE = 0.05, 0.03
"""SD of the log of a gain; SD of the noise at the most, where white matter is at its level."""
LARGEST_SHADING, SHADING_POINTS = 0.12, 4
"""Log of the unevenness of a slice, and how many points along a side it is drawn at."""
MOVED_SHARE, LARGEST_TURN, LARGEST_SCALING = 0.5, 0.3, 0.2
"""Share of slices that are turned (radians) and scaled (log) in their plane."""
BRAIN_SHARE, LESION_SHARE = 0.5, 0.45
"""Share of slices drawn among those with brain, and among those with lesion."""


class Case(NamedTuple):
    """A brain to take slices of."""

    scans: torch.Tensor
    brain: torch.Tensor
    lesion: torch.Tensor
    where: list
    """For each axis the slices with lesion, and with brain."""
    patients: frozenset
    """Whose scans went into it; none for a synthetic brain."""
    contrast: float
    """Signal of its lesions by that of white matter on FLAIR."""


@torch.no_grad()
def make_cases(scans, generator, count, shape):
    """Draw cases, real and synthetic ones, all patients among them."""
    cases = []
    for number in range(count):
        # Spread evenly, so that even a few are of both kinds
        if int((number + 1) * REAL_SHARE) > int(number * REAL_SHARE):
            images, brain, lesion, patients = scans.lesion_case(shape)
        else:
            images, brain, lesion = generator.lesion_case(shape)
            patients = frozenset()
        where = [slices_with(lesion), slices_with(brain)]
        contrast = lesion_contrast(images, lesion)
        cases.append(Case(images.half(), brain, lesion, where, patients, contrast))
    return cases


class Slices:
    """Draws batches of slices from cases, all of which lie on the device."""

    def __init__(self, cases, device):
        """`cases` is emptied on the way: both copies might not fit."""
        first, count = cases[0], len(cases)
        self.scans = torch.empty(count, *first.scans.shape, dtype=torch.half, device=device)
        self.brain = torch.empty(count, *first.brain.shape, dtype=torch.bool, device=device)
        self.lesion = torch.empty_like(self.brain)
        self.where, self.patients, contrasts = [], [], []
        for number in range(count):
            case = cases.pop(0)
            self.scans[number], self.brain[number] = case.scans, case.brain
            self.lesion[number] = case.lesion
            self.where.append(case.where)
            self.patients.append(case.patients)
            contrasts.append(case.contrast)
        self.contrast = torch.tensor(contrasts, device=device)
        self.level = torch.tensor(WHITE_LEVELS, device=device).reshape(3, 1, 1, 1)
        self.length = first.brain.shape[0]

    def weights(self, left_out):
        """How likely each case is: not at all with a left-out patient's scans."""
        used = [
            not patients if left_out == "all" else left_out not in patients
            for patients in self.patients
        ]
        real = sum(u and bool(p) for u, p in zip(used, self.patients, strict=True))
        shares = {True: DRAWN_REAL_SHARE / max(real, 1)}
        shares[False] = (1 - DRAWN_REAL_SHARE) / max(sum(used) - real, 1)
        pairs = zip(used, self.patients, strict=True)
        return [shares[bool(patients)] if use else 0.0 for use, patients in pairs]

    @torch.no_grad()
    def draw(self, weights, count):
        """`count` slices: scans, brain, lesion; those of a view stand together."""
        views = [[] for _ in range(VIEWS)]
        for number in random.choices(range(len(weights)), weights, k=count):
            view = random.randrange(VIEWS)
            index = pick_slice(self.where[number], view, self.length)
            mirrored = view > 0 and random.random() < 0.5  # left and right
            views[view].append((number, index, mirrored))
        # One copy to the device a batch, and no value back
        table = to_device([row for rows in views for row in rows], self.scans.device)
        parts = []
        for view, rows in enumerate(table.split([len(rows) for rows in views])):
            if not len(rows):
                continue
            number, index, mirrored = rows.unbind(1)
            scans = neighbours_of(self.scans, view, number, index)
            scans = other_contrast(scans, self.contrast[number], self.level).flatten(1, 2)
            planes = view_planes(view, len(rows), scans.shape[2:], scans.device)
            brain = self.brain.movedim(1 + view, 1)[number, index]
            lesion = self.lesion.movedim(1 + view, 1)[number, index]
            flip = mirrored.bool()[:, None, None]
            scans = torch.where(flip[:, None], scans.flip(-2), scans)
            brain, lesion = (torch.where(flip, x.flip(-2), x) for x in (brain, lesion))
            scans, brain, lesion = other_place(scans, brain, lesion)
            parts.append((torch.cat([scans, planes], 1), brain, lesion))
        return [torch.cat(part) for part in zip(*parts, strict=True)]


def other_place(scans, brain, lesion):
    """Some of (n, C, A, B) slices turned and scaled in their plane, with their masks.

    The edge of a brain that was cut out stays sharp: what lies outside, 0, is not mixed in.
    """
    count, channels, device = *scans.shape[:2], scans.device
    moved = (torch.rand(count, device=device) < MOVED_SHARE).float()
    turn = moved * LARGEST_TURN * (2 * torch.rand(count, device=device) - 1)
    size = torch.exp(moved * LARGEST_SCALING * (2 * torch.rand(count, device=device) - 1))
    c, s, zero = size * torch.cos(turn), size * torch.sin(turn), torch.zeros_like(size)
    matrix = torch.stack([torch.stack([c, -s, zero], 1), torch.stack([s, c, zero], 1)], 1)
    points = F.affine_grid(matrix, scans.shape, align_corners=False)
    masks = torch.stack([brain, lesion], 1)
    shares = torch.cat([scans > 0, masks], 1).float()
    sampled = F.grid_sample(torch.cat([scans, shares], 1), points, align_corners=False)
    images, seen, placed = sampled.split([channels, channels, 2], 1)
    images = torch.where(seen > 0.5, images / seen.clamp_min(0.5), 0)
    # What stays is not even rounded
    stays = (moved == 0)[:, None, None, None]
    scans = torch.where(stays, scans, images)
    masks = torch.where(stays, masks, placed > 0.5)
    return scans, masks[:, 0], masks[:, 1]


def shading(count, shape, device):
    """(n, 3, 1, A, B) uneven sensitivity, one for each channel of each slice."""
    points = torch.randn(count, len(CHANNELS), SHADING_POINTS, SHADING_POINTS, device=device)
    field = F.interpolate(points, size=shape, mode="bilinear", align_corners=True)
    amount = LARGEST_SHADING * torch.rand(count, 1, 1, 1, device=device)
    return torch.exp(amount * field)[:, :, None]


def other_contrast(scans, contrast, level):
    """(n, 3, 5, A, B) slices with another contrast to white matter, other gain and noise.

    On FLAIR the power is such that lesions get a signal drawn from `LESION_CONTRAST`,
    whatever they had (`contrast`, (n,)): it differs by scanner more than within one.
    """
    count, device = len(scans), scans.device
    power = 2 * torch.rand(count, len(CHANNELS), 1, 1, 1, device=device) - 1
    power = torch.exp(CONTRAST_RANGE * power)
    low, high = LESION_CONTRAST
    wanted = low + (high - low) * torch.rand(count, device=device)
    power[:, 0] = (torch.log(wanted) / torch.log(contrast))[:, None, None, None]
    gain = torch.exp(GAIN_SPREAD * torch.randn(count, len(CHANNELS), 1, 1, 1, device=device))
    out = gain * level * (scans / level) ** power
    out = out * shading(count, scans.shape[3:], device)
    amount = LARGEST_NOISE * torch.rand(count, 1, 1, 1, 1, device=device)
    noise = amount * torch.randn_like(scans)
    return ((out + noise) * (scans > 0)).clamp(0, TOP_VALUE)


def lesion_contrast(scans, lesion):
    """Median signal of lesions on FLAIR by that of white matter, within bounds."""
    if lesion.sum() < 30:
        return 1.5
    return min(max(scans[0][lesion].float().median().item() / WHITE_LEVELS[0], 1.2), 2.5)


def slices_with(mask):
    """For each axis the slices in which a (I, J, K) mask has a voxel."""
    return [
        torch.nonzero(mask.movedim(a, 0).flatten(1).any(1)).flatten().tolist() for a in range(3)
    ]


def pick_slice(where, view, count):
    """A slice's number; slices with lesion or brain come oftener."""
    draw = random.random()
    for slices, share in zip(where, (LESION_SHARE, BRAIN_SHARE), strict=True):
        if draw < share and slices[view]:
            return random.choice(slices[view])
        draw -= share
    return random.randrange(count)
