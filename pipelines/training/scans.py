"""Patches of real scans with manual lesion masks, changed at random."""

import math

import torch
from fields import (
    acquisition,
    blur,
    chance,
    rotation,
    sample_linear,
    sample_nearest,
    sampling_points,
    smooth_field,
    uniform,
    white_scale,
)
from grid import GRID_CORNER_MM, GRID_SHAPE, SCAN_CORNER, SCAN_ORIGIN_MM
from synthesis import LESION_SETS, pick_modalities
from tissues import TISSUES

FLUID, GREY_MATTER, WHITE_MATTER = 1, 2, 3
FLUID_SHARE = 0.6
"""What is darker on FLAIR, by the median of white matter, is fluid."""
CONFLUENT_ML = (4.0, 70.0)
"""Load of confluent lesions that are grown into a scan."""
EMPTIED_SHARE = 0.2
"""How often a visit's own lesions are taken away first."""
FILLED_FROM = 4.0
"""SD (mm) of the distance from which they are filled."""


def tissues_of(scans, lesion):
    """Fluid, grey and white matter (1, 2, 3) of a brain, from three levels of its T1w.

    What is dark on FLAIR is fluid, too; other lesions count as white matter. Good enough to
    scale by, and to set lesions in.
    """
    t1w = blur(scans[1:2], 0.7)[0]
    brain = (scans[0] > 0) & (scans[1] > 0)
    values = t1w[brain & ~lesion]
    centres = torch.quantile(
        values[:: max(1, len(values) // 100_000)],
        torch.tensor([0.1, 0.5, 0.8], device=values.device),
    )
    for _ in range(20):
        edges = (centres[1:] + centres[:-1]) / 2
        part = torch.bucketize(values, edges)
        centres = torch.stack([values[part == n].mean() for n in range(3)])
    tissue = torch.bucketize(t1w, (centres[1:] + centres[:-1]) / 2) + 1
    # T1w after contrast may have no three levels, but fluid is dark on FLAIR as well
    fluid = scans[0] < FLUID_SHARE * scans[0][brain & (tissue == WHITE_MATTER)].median()
    tissue = torch.where(fluid, FLUID, torch.where(lesion, WHITE_MATTER, tissue))
    return torch.where(brain, tissue, 0).to(torch.uint8)


class Visit:
    """One visit: its scans by channel, lesion mask and anatomy."""

    def __init__(self, packed, key, device):
        def load(kind):
            name = f"{key}:{kind}"
            return torch.from_numpy(packed[name]).to(device) if name in packed else None

        self.patient = key.split("_")[0]
        t1w = [load("T1w"), load("ce-gadolinium_T1w")]
        self.channels = [[load("FLAIR")], [s for s in t1w if s is not None], [load("T2w")]]
        self.channels[2] = [s for s in self.channels[2] if s is not None]
        self.lesion = load("lesion")
        self.anatomy = tissues_of(self.scans(lambda _: 0), self.lesion)
        # P39's rater filled the ventricles in a few slices (1.2 %; of others 0.2 % at most)
        self.lesion = self.lesion & (self.anatomy != FLUID)

    def scaled(self, choose):
        """The scans on the white matter's scale."""
        return white_scale(self.scans(choose), self.anatomy == WHITE_MATTER)

    def scans(self, choose):
        """(3, I, J, K) float scans, one a channel; empty channels are 0."""
        shape, device = self.lesion.shape, self.lesion.device
        out = torch.zeros(3, *shape, device=device)
        for channel, candidates in enumerate(self.channels):
            if candidates:
                out[channel] = candidates[choose(len(candidates))].float() / 255
        return out


class Scans:
    """Draws cases from real visits; the interface of `synthesis.Generator`."""

    def __init__(self, packed, patients, generator):
        self.generator, self.device = generator, generator.device
        keys = sorted({name.split(":")[0] for name in packed.files})
        self.visits = [Visit(packed, key, self.device) for key in keys]
        self.visits = [visit for visit in self.visits if visit.patient in patients]
        self.patients = sorted({visit.patient for visit in self.visits})
        order = {tissue.structure: i for i, tissue in reversed(list(enumerate(TISSUES)))}
        self.tissue_of = torch.tensor([order[s] for s in range(15)], device=self.device)
        self.offset = [
            o + c - g for o, c, g in zip(SCAN_ORIGIN_MM, SCAN_CORNER, GRID_CORNER_MM, strict=True)
        ]
        self.prior = generator.lesion_prior()

    def pick(self):
        """A visit; every patient is as likely as any other."""
        patient = self.patients[int(uniform(0, len(self.patients)))]
        visits = [visit for visit in self.visits if visit.patient == patient]
        return visits[int(uniform(0, len(visits)))]

    def without_lesions(self, visit, scans):
        """Lesions and their rims filled with the white matter around and its grain.

        So that the heads of patients with many lesions are also seen with few, or none.
        """
        zone = blur(visit.lesion[None].float(), 1.5)[0] > 0.1
        white = (visit.anatomy == WHITE_MATTER) & ~zone
        known = white.float()
        zone = zone & (scans[0] > FLUID_SHARE * scans[0][white].median())
        near = blur(known[None], FILLED_FROM)[0]
        shifts = [int(uniform(-20, 20)) for _ in range(3)]
        for channel in range(3):
            image = scans[channel]
            level = image[white].mean()
            filled = blur((image * known)[None], FILLED_FROM)[0] + 0.01 * level
            grain = (image - blur(image[None], 1.0)[0]) * known
            filled = filled / (near + 0.01) + grain.roll(shifts, (0, 1, 2))
            scans[channel] = torch.where(zone, filled, image)
        return scans, torch.zeros_like(visit.lesion)

    def with_inserted_lesions(self, visit, scans, lesion):
        """Add library lesions: bright on FLAIR and T2w, dark on T1w."""
        tissue = self.tissue_of[visit.anatomy.long()].to(torch.uint8)
        head = torch.zeros(GRID_SHAPE, dtype=torch.uint8, device=self.device)
        box = tuple(slice(o, o + n) for o, n in zip(self.offset, tissue.shape, strict=True))
        head[box] = tissue
        maps = self.generator.lesion_maps(head)[(slice(None), *box)]
        fresh = (maps[0] > 0.5) & ~lesion
        effect = blur(maps[1:] * ~lesion, uniform(0.4, 0.8))
        gain = (uniform(0.2, 0.9), -uniform(0.1, 0.45), uniform(0.3, 1.0))
        for channel, factor in enumerate(gain):
            one = effect[1] if channel == 1 else effect[0]
            scans[channel] *= 1 + factor * one
        return scans, lesion | fresh

    def with_confluent_lesions(self, visit, scans, lesion):
        """Grow large, uneven lesions where the library has most, some hardly brighter.

        Few patients have them, and none of those at hand on every scanner.
        """
        shape = lesion.shape
        box = tuple(slice(o, o + n) for o, n in zip(self.offset, shape, strict=True))
        likely = torch.log(self.prior[box] + 1e-4) + uniform(0.6, 1.8) * (
            smooth_field(shape, uniform(5, 14), self.device)[0]
            + 0.5 * smooth_field(shape, uniform(2.5, 5), self.device)[0]
        )
        host = (visit.anatomy == WHITE_MATTER) & ~lesion
        likely = torch.where(host, likely, -math.inf)
        wanted = math.exp(uniform(*map(math.log, CONFLUENT_ML)))
        count = min(int(1000 * wanted), int(host.sum()) // 4)
        fresh = likely > torch.topk(likely.flatten(), count).values[-1]
        fresh = blur(fresh[None].float(), 0.7)[0] > 0.5
        rough = (1 + uniform(0.1, 0.4) * smooth_field(shape, uniform(3, 8), self.device)[0]).clamp(
            0.5, 1.5
        )
        halo = blur(fresh[None].float(), uniform(2, 4))[0] * uniform(0, 0.4) * host
        effect = torch.maximum(blur((fresh * rough)[None], uniform(0.5, 1.0))[0], halo)
        for channel, factor in enumerate(
            (uniform(0.22, 0.8), -uniform(0.05, 0.45), uniform(0.3, 1))
        ):
            scans[channel] *= 1 + factor * effect
        return scans, lesion | (fresh & host)

    def with_other_grey(self, visit, scans, lesion):
        """Grey matter brighter or darker on FLAIR, as from scanner to scanner."""
        grey = blur(((visit.anatomy == GREY_MATTER) & ~lesion)[None].float(), 0.7)[0]
        uneven = 1 + 0.3 * smooth_field(lesion.shape, 15, self.device)[0]
        scans[0] *= 1 + uniform(-0.08, 0.22) * grey * uneven
        return scans

    def with_borrowed_lesions(self, visit, other, scans, lesion):
        """Paste another visit's lesions with their surroundings, levels matched."""
        if other is visit:
            return scans, lesion
        theirs = other.scans(lambda n: int(uniform(0, n)))
        zone = blur(other.lesion[None].float(), uniform(1.0, 3.0))[0] > 0.12
        zone = zone & (scans[0] > 0) & (theirs[0] > 0) & (visit.anatomy > 1)
        for channel in range(3):
            if theirs[channel].any() and scans[channel].any():
                mine = scans[channel][(visit.anatomy == WHITE_MATTER) & ~lesion].mean()
                level = theirs[channel][(other.anatomy == WHITE_MATTER) & ~other.lesion]
                pasted = theirs[channel] * mine / level.mean()
                scans[channel] = torch.where(zone, pasted, scans[channel])
            else:
                scans[channel] = 0
        return scans, torch.where(zone, other.lesion, lesion)

    def lesion_case(self, shape):
        """A case for the lesion network: scans on the white matter's scale, brain, lesion."""
        visit = self.pick()
        scans = visit.scans(lambda n: int(uniform(0, n)))
        lesion = visit.lesion
        patients = frozenset({visit.patient})
        if chance(EMPTIED_SHARE):
            scans, lesion = self.without_lesions(visit, scans)
        draw = torch.rand(()).item()
        if draw < 0.25:
            scans, lesion = self.with_inserted_lesions(visit, scans, lesion)
        elif draw < 0.5:
            scans, lesion = self.with_confluent_lesions(visit, scans, lesion)
        elif draw < 0.65:
            other = self.pick()
            scans, lesion = self.with_borrowed_lesions(visit, other, scans, lesion)
            patients |= {other.patient}
        if chance(0.5):
            scans = self.with_other_grey(visit, scans, lesion)
        centre = [(n - 1) / 2 + uniform(-25, 25) for n in lesion.shape]
        size = uniform(0.85, 1.15)
        matrix = rotation(uniform(0, 15)) @ torch.diag(
            torch.tensor([size * uniform(0.95, 1.05) for _ in range(3)])
        )
        if chance(0.5):
            matrix = matrix @ torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
        points = sampling_points(shape, centre, matrix, uniform(0, 3), self.device)
        sampled = sample_linear(torch.cat([scans, lesion[None].float()]), points)
        tissue = sample_nearest(visit.anatomy, points)
        lesion = sampled[3] > 0.5
        seen = tissue > 0
        if chance(0.3):  # extracted more tightly
            level = blur((tissue > 1).float()[None], uniform(1, 4))[0]
            seen = seen & (level > uniform(0.15, 0.5))
        modalities = pick_modalities(LESION_SETS)
        out = torch.zeros(3, *shape, device=self.device)
        for channel in range(3):
            if modalities[channel] and sampled[channel].any():
                image = sampled[channel]
                visible = image > 0
                out[channel] = acquisition(image, quality=0.4) * (visible & seen)
        white = (tissue == WHITE_MATTER) & ~lesion
        return white_scale(out, white) * seen, seen, lesion & seen, patients
