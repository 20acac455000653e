"""Synthetic scans of heads with lesions, drawn on the device.

A label map is deformed, real lesion shapes are set into it where lesions sit,
T1, T2 and proton density are drawn for every tissue, and FLAIR, T1w and T2w
signals follow from the sequence equations; a share of the contrasts is random.
Bright things that are no lesions (ventricular caps, flow in CSF, plexus,
vessels, uneven white matter) are drawn too and not labelled.
"""

import math

import numpy as np
import torch
from fields import (
    acquisition,
    blur,
    chance,
    normalise,
    rotation,
    sample_linear,
    sample_nearest,
    sampling_points,
    smooth_field,
    uniform,
    white_scale,
)
from tissues import TISSUES, tissue_number

BLOB_COUNT = 400
TRIES_PER_LESION = 4
MIN_IN_TISSUE = 0.6
"""A lesion is set only where this share of it lies in white matter or deep grey."""
MODALITY_SETS = (
    ((1, 0, 0), 0.28), ((1, 1, 0), 0.36), ((1, 1, 1), 0.10), ((1, 0, 1), 0.05),
    ((0, 1, 0), 0.17), ((0, 0, 1), 0.04),
)  # fmt: skip
"""Which of FLAIR, T1w, T2w a training case has, and how often."""


LESION_SETS = (((1, 0, 0), 0.30), ((1, 1, 0), 0.50), ((1, 1, 1), 0.12), ((1, 0, 1), 0.08))
"""The same for the lesion network, which needs a FLAIR."""


def numbers(*names):
    """Positions of tissues."""
    return [tissue_number(name) for name in names]


WHITE = numbers("white", "hypointense white", "cerebellar white", "brainstem")
DEEP = numbers("thalamus", "caudate", "putamen", "pallidum", "ventral diencephalon")
CORTEX = numbers("cortex", "cerebellar cortex", "hippocampus", "amygdala")
VENTRICLES = numbers("lateral ventricle", "third ventricle", "fourth ventricle")
FLUID = [*VENTRICLES, *numbers("csf")]
ENHANCING = numbers("artery", "vein", "artery outside", "vein outside", "choroid plexus", "mucosa")


def pick_modalities(sets=MODALITY_SETS):
    """One of some sets, by their shares."""
    shares = torch.tensor([share for _, share in sets])
    return sets[torch.multinomial(shares, 1).item()][0]


def membership(members, device):
    """Lookup table: tissue number to True where it is one of `members`."""
    table = torch.zeros(len(TISSUES), dtype=torch.bool, device=device)
    table[members] = True
    return table


def blob_shapes(rng):
    """Voxels of small ellipsoids with rough borders, around 0."""
    axis = np.arange(-4, 5)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    shapes = []
    for _ in range(BLOB_COUNT):
        radii = np.exp(rng.uniform(np.log(1.1), np.log(3.4))) * rng.uniform(0.75, 1.35, 3)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        distance = np.linalg.norm((points @ turn) / radii, axis=1)
        inside = distance < 1 + 0.15 * rng.normal(size=len(points))
        inside |= (points == 0).all(1)
        shapes.append(points[inside])
    return shapes


class Generator:
    """Draws (scans, structures, lesion, lesion weight) patches."""

    def __init__(self, packed, device, voxel_mm=1.0):
        self.device, self.voxel_mm = device, voxel_mm
        names = sorted(key for key in packed.files if key.startswith("head_"))
        self.heads = [torch.from_numpy(packed[n]).to(device) for n in names]
        counts = packed["lesion_counts"]
        voxels = packed["lesion_voxels"].astype(np.float32)
        ends = np.cumsum(counts)
        shapes = [voxels[e - c : e] for c, e in zip(counts, ends, strict=True)]
        centres = np.array([shape.mean(0) for shape in shapes])
        shapes = [shape - centre for shape, centre in zip(shapes, centres, strict=True)]
        shapes += blob_shapes(np.random.default_rng(0))
        self.library_size = len(counts)
        sizes = np.array([len(shape) for shape in shapes])
        self.starts = torch.from_numpy(np.cumsum(sizes) - sizes).to(device)
        self.sizes = torch.from_numpy(sizes).to(device)
        self.offsets = torch.from_numpy(np.concatenate(shapes).astype(np.float32)).to(device)
        self.centres = torch.from_numpy(centres.astype(np.float32)).to(device)
        self.all_voxels = torch.from_numpy(voxels).to(device)
        # Few lesions of the library are huge; they must not crowd out the rest
        weight = 1 / np.maximum(sizes[: self.library_size] / 3000.0, 1)
        self.shape_weight = torch.from_numpy(weight).float().to(device)
        self.base = torch.tensor([(t.t1_ms, t.t2_ms, t.density) for t in TISSUES], device=device).T
        self.structure = torch.tensor([t.structure for t in TISSUES], device=device)
        self.white = membership(WHITE, device)
        self.hosts = membership([*WHITE, *DEEP], device)
        self.cortex = membership(CORTEX, device)
        self.fluid = membership(FLUID, device)
        self.ventricles = membership(VENTRICLES, device)
        self.brain_points = [self._brain_points(head) for head in self.heads]

    def _brain_points(self, head):
        """Some voxels of the brain, to centre patches on."""
        points = torch.nonzero(self.structure[head[::4, ::4, ::4].long()] > 1) * 4
        return points.float()

    # Lesions ------------------------------------------------------------
    def lesion_prior(self):
        """How often a voxel of the heads' grid is lesion in the library; 1 at the most."""
        shape = self.heads[0].shape
        voxel = self.all_voxels.long()
        flat = (voxel[:, 0] * shape[1] + voxel[:, 1]) * shape[2] + voxel[:, 2]
        count = torch.zeros(math.prod(shape), device=self.device)
        count.index_add_(0, flat, torch.ones(len(flat), device=self.device))
        smooth = blur(count.reshape(1, *shape), 2.0)[0]
        return smooth / smooth.max()

    def lesion_maps(self, head):
        """(3, I, J, K): lesion 0/1, effect on T2, effect on T1 (about 0 to 1)."""
        maps = torch.zeros(3, *head.shape, device=self.device)
        if chance(0.12):
            return maps
        wanted = math.exp(uniform(math.log(2), math.log(220)))
        blobs = max(1, round(wanted * uniform(0.15, 0.7)))
        shaped = max(1, round(wanted) - blobs)
        drawn = TRIES_PER_LESION * shaped
        which = torch.multinomial(self.shape_weight, drawn, replacement=True)
        centre = self.centres[which] + 3.5 * torch.randn(drawn, 3, device=self.device)
        pick = torch.randint(BLOB_COUNT, (TRIES_PER_LESION * blobs,), device=self.device)
        spots = self.all_voxels[
            torch.randint(len(self.all_voxels), pick.shape, device=self.device)
        ] + 7 * torch.randn(len(pick), 3, device=self.device)
        which = torch.cat([which, pick + self.library_size])
        centre = torch.cat([centre, spots])
        mirrored = torch.rand(len(which), device=self.device) < 0.5
        middle = head.shape[0] - 1
        centre[:, 0] = torch.where(mirrored, middle - centre[:, 0], centre[:, 0])
        scale = 0.45 + 0.75 * torch.rand(len(which), device=self.device)
        scale = torch.where(which >= self.library_size, 1.0, scale)
        sizes = self.sizes[which]
        owner = torch.repeat_interleave(torch.arange(len(which), device=self.device), sizes)
        first = torch.repeat_interleave(torch.cumsum(sizes, 0) - sizes, sizes)
        index = torch.arange(len(owner), device=self.device) - first
        offset = self.offsets[self.starts[which][owner] + index]
        side = torch.where(mirrored, -1.0, 1.0)[owner]
        offset = torch.stack([offset[:, 0] * side, offset[:, 1], offset[:, 2]], 1)
        voxel = (centre[owner] + offset * scale[owner, None]).round().long()
        limit = torch.tensor(head.shape, device=self.device) - 1
        voxel = torch.minimum(voxel.clamp_min(0), limit)
        flat = (voxel[:, 0] * head.shape[1] + voxel[:, 1]) * head.shape[2] + voxel[:, 2]
        tissue = head.reshape(-1)[flat].long()
        hosted = torch.zeros(len(which), device=self.device)
        hosted.index_add_(0, owner, self.hosts[tissue].float())
        fits = hosted / sizes >= MIN_IN_TISSUE
        # Keep about as many of each kind as were wanted
        order = torch.cumsum(fits[:drawn].int(), 0) <= shaped
        order = torch.cat([order, torch.cumsum(fits[drawn:].int(), 0) <= blobs])
        fits &= order
        into_cortex = torch.rand(len(which), device=self.device) < 0.5
        keep = self.hosts[tissue] | (self.cortex[tissue] & into_cortex[owner])
        keep &= fits[owner]
        flat, owner = flat[keep], owner[keep]
        level = uniform(0.6, 1.1)
        strength = level * (0.65 + 0.55 * torch.rand(len(which), device=self.device))
        darkness = uniform(0.1, 0.8) + 0.5 * torch.rand(len(which), device=self.device)
        flat_maps = maps.view(3, -1)
        flat_maps[0, flat] = 1
        flat_maps[1, flat] = strength[owner]
        flat_maps[2, flat] = strength[owner] * darkness[owner]
        return maps

    # Contrast -----------------------------------------------------------
    def relaxation(self, tissue, t2_effect, t1_effect):
        """T1, T2 and density of every voxel, with lesions and their look-alikes."""
        device, shape = self.device, tissue.shape
        count = len(TISSUES)
        table = self.base.clone()
        spread = 0.15 if chance(0.25) else uniform(0.03, 0.1)
        table[0] *= torch.exp(spread * torch.randn(count, device=device))
        table[1] *= torch.exp(0.8 * spread * torch.randn(count, device=device))
        table[2] *= torch.exp(0.05 * torch.randn(count, device=device))
        for name in FLUID:  # one fluid, nearly
            table[:, name] = table[:, FLUID[0]] * torch.exp(0.03 * torch.randn(3, device=device))
        hypo = tissue_number("hypointense white")
        table[:, hypo] = table[:, WHITE[0]]
        t1, t2, density = (row[tissue] for row in table)
        soft = tissue == tissue_number("soft tissue")
        fat = (
            smooth_field(shape, uniform(6, 20) / self.voxel_mm, device)[0] > uniform(-0.8, 0.8)
        ) & soft
        t1 = torch.where(fat, t1 * 0.4, torch.where(soft, t1 * 1.4, t1))
        t2 = torch.where(fat, t2 * 1.8, t2)
        uneven = uniform(0.01, 0.06)
        t1 = t1 * torch.exp(uneven * smooth_field(shape, uniform(6, 20) / self.voxel_mm, device)[0])
        t2 = t2 * torch.exp(uneven * smooth_field(shape, uniform(6, 20) / self.voxel_mm, device)[0])
        # Caps, halos and uneven white matter: brighter, but no lesion
        white = self.white[tissue].float()
        near = blur(self.ventricles[tissue].float()[None], uniform(1.0, 3.0) / self.voxel_mm)[0]
        cap = (
            near
            * white
            * (0.6 + 0.6 * smooth_field(shape, 16 / self.voxel_mm, device)[0]).clamp(0, 2)
        )
        dirty = (smooth_field(shape, uniform(8, 24) / self.voxel_mm, device)[0] - 0.7).clamp(
            0, 1.5
        ) * white
        similar = cap * uniform(0, 0.55) + dirty * uniform(0, 0.2)
        halo = blur(t2_effect[None], uniform(1.5, 4))[0] * white * uniform(0, 0.3)
        lesion_blur = uniform(0.4, 0.9)
        rough = (1 + 0.2 * smooth_field(shape, 5 / self.voxel_mm, device)[0]).clamp(0.3, 1.6)
        effects = blur(torch.stack([t2_effect, t1_effect]) * rough, lesion_blur)
        more_t2 = torch.maximum(effects[0], similar + halo)
        more_t1 = torch.maximum(effects[1], 0.35 * (similar + halo))
        t2_gain, t1_gain = uniform(60, 150), uniform(300, 1500)
        if chance(0.15):  # cavities: cores like fluid
            more_t2 = more_t2 * (1 + 4 * (effects[0] - 0.8).clamp_min(0))
            more_t1 = more_t1 * (1 + 2 * (effects[0] - 0.8).clamp_min(0))
        host = ~self.fluid[tissue]
        t2 = t2 + torch.where(host, more_t2, 0) * t2_gain
        t1 = t1 + torch.where(host, more_t1, 0) * t1_gain
        density = density + torch.where(host, more_t2, 0) * uniform(0.02, 0.15)
        return t1, t2, density.clamp(0, 1.1)

    def flair(self, tissue, t1, t2, density):
        """Inversion recovery with CSF nulled about, and inflow that is not."""
        csf_t1 = t1[self.fluid[tissue]].mean().item() if self.fluid[tissue].any() else 4000
        repetition, echo = uniform(5000, 11000), uniform(80, 170)
        null = csf_t1 * (math.log(2) - math.log(1 + math.exp(-repetition / csf_t1)))
        inversion = null * uniform(0.9, 1.05)
        z = 1 - 2 * torch.exp(-inversion / t1) + torch.exp(-repetition / t1)
        signal = density * z.abs() * torch.exp(-echo / t2)
        if chance(0.6):
            bright = signal[self.white[tissue]].mean() if self.white[tissue].any() else 0.2
            spots = (
                smooth_field(tissue.shape, uniform(5, 14) / self.voxel_mm, self.device)[0] - 1.2
            ).clamp(0, 1)
            flow = self.fluid[tissue].float() * spots * uniform(0, 1.8)
            signal = signal + blur(flow[None], 0.7)[0] * bright
        return signal

    def t1_weighted(self, tissue, t1, t2, density, enhancement):
        """MPRAGE, spoiled gradient echo or spin echo; with contrast agent at times."""
        if chance(0.4):
            agent = membership(ENHANCING, self.device)[tissue].float()
            edge = tissue == tissue_number("csf")
            edge = edge & (smooth_field(tissue.shape, 10 / self.voxel_mm, self.device)[0] > 1.6)
            agent = torch.maximum(agent, edge.float() * 0.7)
            if chance(0.3):
                agent = torch.maximum(agent, enhancement)
            rate = uniform(1, 5) * agent
            t1 = 1 / (1 / t1 + rate / 1000)
        draw = torch.rand(()).item()
        if draw < 0.5:
            inversion, repetition = uniform(750, 1150), uniform(1700, 2600)
            z = 1 - 2 * torch.exp(-inversion / t1) / (1 + torch.exp(-repetition / t1))
            return density * z.abs()
        if draw < 0.8:
            repetition, angle = uniform(8, 35), math.radians(uniform(12, 32))
            e1 = torch.exp(-repetition / t1)
            return density * math.sin(angle) * (1 - e1) / (1 - math.cos(angle) * e1)
        repetition, echo = uniform(350, 750), uniform(8, 18)
        return density * (1 - torch.exp(-repetition / t1)) * torch.exp(-echo / t2)

    def t2_weighted(self, t1, t2, density):
        """Spin echo."""
        repetition, echo = uniform(2200, 6500), uniform(70, 120)
        return density * (1 - torch.exp(-repetition / t1)) * torch.exp(-echo / t2)

    def random_contrast(self, tissue, t2_effect):
        """Any grey level for any tissue, lesions included."""
        levels = torch.rand(len(TISSUES), device=self.device)
        levels[0] = levels[0] * 0.05
        for fluid in FLUID:
            levels[fluid] = levels[FLUID[0]]
        levels[tissue_number("hypointense white")] = levels[WHITE[0]]
        image = levels[tissue]
        image = image * (1 + 0.1 * smooth_field(tissue.shape, 8 / self.voxel_mm, self.device)[0])
        image = image + t2_effect * uniform(-0.5, 0.5)
        return image.clamp_min(0)

    # What is left of the head -------------------------------------------
    def visible(self, tissue, structure):
        """Which voxels a brain extraction, defacing or a short field of view left."""
        device, shape = self.device, tissue.shape
        seen = torch.ones(shape, dtype=torch.bool, device=device)
        if chance(0.6):
            brain = structure > 0 if chance(0.5) else structure > 1
            reach = uniform(0.8, 5) / self.voxel_mm
            level = blur(brain.float()[None], reach)[0]
            # Uneven at the edge; never a hole inside
            field = smooth_field(shape, 20 / self.voxel_mm, device)[0].clamp(-2, 2)
            level = torch.where(level > 0.95, level, level + 0.12 * field)
            threshold = uniform(0.15, 0.6)
            tight = brain if chance(0.4) else torch.zeros_like(brain)
            seen = (level > threshold) & ((level > 0.8) | brain | ~tight)
            seen = seen & ((tissue != tissue_number("air")) | chance(0.3))
        elif chance(0.3):  # defaced
            normal = torch.randn(3)
            normal[1] = normal[1].abs() + 1.5
            normal = normal / normal.norm()
            axes = [torch.arange(n, device=device).float() - n / 2 for n in shape]
            i, j, k = torch.meshgrid(*axes, indexing="ij")
            height = normal[0] * i + normal[1] * j + normal[2] * k
            seen = (height < uniform(30, 90) / self.voxel_mm) | (structure > 0)
        if chance(0.12):
            axis, cut = int(uniform(0, 3)), int(uniform(5, 40) / self.voxel_mm)
            index = torch.arange(shape[axis], device=device)
            kept = index >= cut if chance(0.5) else index < shape[axis] - cut
            view = [1, 1, 1]
            view[axis] = -1
            seen = seen & kept.reshape(view)
        return seen

    def case(self, shape, sets=MODALITY_SETS):
        """One training case."""
        device = self.device
        which = torch.randint(len(self.heads), ()).item()
        head = self.heads[which]
        maps = self.lesion_maps(head)
        if chance(0.8):
            spots = self.brain_points[which]
            centre = spots[torch.randint(len(spots), ()).item()].tolist()
            middle = [104.0, 122.0, 125.0]
            pull = uniform(0, 1)
            centre = [pull * m + (1 - pull) * c for c, m in zip(centre, middle, strict=True)]
        else:
            centre = [uniform(0.2, 0.8) * n for n in head.shape]
        size = uniform(0.88, 1.25)
        matrix = rotation(uniform(0, 20)) @ torch.diag(
            torch.tensor([self.voxel_mm * size * uniform(0.94, 1.06) for _ in range(3)])
        )
        if chance(0.5):
            matrix = matrix @ torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
        points = sampling_points(shape, centre, matrix, uniform(0, 4.5), device, self.voxel_mm)
        tissue = sample_nearest(head, points).long()
        lesion, t2_effect, t1_effect = sample_linear(maps, points)
        structure = self.structure[tissue]
        lesion = (lesion > 0.5) & (structure > 1) & ~self.fluid[tissue]
        seen = self.visible(tissue, structure)
        modalities = pick_modalities(sets)
        parameters = self.relaxation(tissue, t2_effect, t1_effect)
        enhancement = (t2_effect * (smooth_field(shape, 20 / self.voxel_mm, device)[0] > 1)).clamp(
            0, 1
        )
        weight = 1.0 if modalities[0] else 0.0
        scans = torch.zeros(3, *shape, device=device)
        for channel, present in enumerate(modalities):
            if not present:
                continue
            if chance(0.15):
                image = self.random_contrast(tissue, t2_effect)
                weight = 0.0 if channel == 0 else weight
            elif channel == 0:
                image = self.flair(tissue, *parameters)
            elif channel == 1:
                image = self.t1_weighted(tissue, *parameters, enhancement)
            else:
                image = self.t2_weighted(*parameters)
            image = acquisition(image, voxel_mm=self.voxel_mm)
            if channel and chance(0.3):  # registration is never perfect
                image = _shift(image, [uniform(-0.7, 0.7) for _ in range(3)])
            image = torch.where(seen, image, 0)
            scans[channel] = normalise(image) * math.exp(uniform(-0.2, 0.2))
        structure = torch.where(seen, structure, 0)
        return scans, structure, lesion & seen, weight

    def lesion_case(self, shape):
        """A case for the lesion network: scans on the white matter's scale, brain, lesion."""
        scans, structure, lesion, weight = self.case(shape, LESION_SETS)
        while not weight or not (structure == 3).any():
            scans, structure, lesion, weight = self.case(shape, LESION_SETS)
        seen = structure > 0
        if chance(0.5):  # how much of the CSF around is inside a mask differs
            level = blur((structure > 1).float()[None], uniform(1, 4))[0]
            seen = seen & (level > uniform(0.1, 0.5))
        return white_scale(scans, (structure == 3) & ~lesion) * seen, seen, lesion & seen


def _shift(image, offset):
    """Move a (I, J, K) image by a fraction of a voxel."""
    axes = [torch.arange(n, device=image.device, dtype=torch.float32) for n in image.shape]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    points = points + torch.tensor(offset, device=image.device)[:, None, None, None]
    return sample_linear(image[None], points)[0]
