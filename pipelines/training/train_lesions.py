"""Train the network that finds lesions, by leave-one-patient-out and on all.

    python pipelines/training/train_lesions.py PACKED_DIR START_DIR --folds all
    python pipelines/training/train_lesions.py PACKED_DIR OUTPUT_DIR --start WEIGHTS.pt

It starts from weights that have seen synthetic brains alone (the first command leaves them), and
learns from real scans with manual masks mixed with synthetic ones. For the measured figures
it is trained once for every patient on the others; the shipped weights come from all.
A stopped run goes on from its last checkpoint: cases that were drawn are kept, and a
training that has left its weights is not done again. `--tiny` tries the code in seconds.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from fields import TOP_VALUE, WHITE_LEVELS
from loop import Budget, Recipe, half_precision, pick_device, store, to_device, train
from network import CHANNELS, VIEWS, LesionNetwork
from onnx import numpy_helper
from scans import Scans
from synthesis import Generator
from views import neighbours_of, predict_lesions, view_planes

RATE = 6e-4
SHAPE, TINY_SHAPE = (128, 128, 128), (32, 32, 32)
"""Cubes, so that slices of all views have one size."""
CASE_COUNT, TINY_CASES, TINY_STEPS = 160, 4, 4
REAL_SHARE = 0.65
DRAWN_REAL_SHARE = 0.75
CONTRAST_RANGE = 0.5
"""Largest log of the power by which contrast to white matter is changed."""
LESION_CONTRAST = (1.2, 2.0)
"""Signal of lesions by that of white matter on FLAIR, from scanner to scanner."""
GAIN_SPREAD, LARGEST_NOISE = 0.05, 0.03
BRAIN_SHARE, LESION_SHARE = 0.5, 0.45
"""Share of slices drawn among those with brain, and among those with lesion."""


def load_start(model, path):
    """Copy the folded weights of an ONNX file; batch normalisation becomes a shift."""
    graph = onnx.load(path).graph
    by_name = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    convolutions = [n for n in graph.node if n.op_type == "Conv"]
    pairs = [(by_name[n.input[1]], by_name[n.input[2]]) for n in convolutions]
    modules = []  # in the order of the forward pass
    for block in model.down:
        modules += [*block]
    for level in reversed(range(len(model.merge))):
        modules += [model.up[level].mix, *model.merge[level]]
    modules.append(model.head)
    with torch.no_grad():
        for module, (kernel, shift) in zip(modules, pairs, strict=True):
            kernel, shift = torch.from_numpy(kernel.copy()), torch.from_numpy(shift.copy())
            if module is model.head:  # of its outputs only that of lesion
                module.weight.copy_(kernel[-1:])
                module.bias.copy_(shift[-1:])
            elif hasattr(module, "norm"):
                module.weight.weight.copy_(kernel)
                module.norm.bias.copy_(shift)
            else:
                module.weight.copy_(kernel)
                module.bias.copy_(shift)


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
def make_cases(scans, generator, count, shape=SHAPE):
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
            contrasts.append(lesion_contrast(case.scans, case.lesion))
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
            parts.append((torch.cat([scans, planes], 1), brain, lesion))
        return [torch.cat(part) for part in zip(*parts, strict=True)]


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


def loss_of(logits, brain, lesion):
    """Cross entropy and Dice inside the brain, and both for the log."""
    logit, inside, lesion = logits[:, 0].float(), brain.float(), lesion.float()
    entropy = F.binary_cross_entropy_with_logits(logit, lesion, reduction="none")
    entropy = (entropy * inside).sum() / inside.sum().clamp_min(1)
    guess = logit.sigmoid() * inside
    dice = 1 - (2 * (guess * lesion).sum() + 50) / (guess.sum() + lesion.sum() + 50)
    return 5 * entropy + dice, torch.stack([entropy, dice])


def evaluate(model, visits, name, log, shape=None):
    """Dice of every visit, with FLAIR and T1w and with FLAIR alone; of its middle if so told."""
    results = {}
    for number, visit in enumerate(visits):
        box = tuple(
            slice((n - size) // 2, (n + size) // 2)
            for n, size in zip(visit.lesion.shape, shape or visit.lesion.shape, strict=True)
        )
        images, lesion = visit.scaled(lambda _: 0)[(slice(None), *box)], visit.lesion[box]
        for kind, channels in (("FLAIR+T1w", (0, 1)), ("FLAIR", (0,))):
            chosen = torch.zeros_like(images)
            chosen[list(channels)] = images[list(channels)]
            guess = predict_lesions(model, chosen) > 0.5
            both = (guess & lesion).sum() * 2
            dice = (both / (guess.sum() + lesion.sum()).clamp_min(1)).item()
            volumes = [round(m.sum().item() / 1e3, 2) for m in (guess, lesion)]
            results[f"{visit.patient}#{number} {kind}"] = (round(dice, 4), *volumes)
    log(f"{name} {json.dumps(results)}")


def new_model(left_out, options, device):
    """The network with its first weights."""
    model = LesionNetwork()
    own = weights_file(options.start_folder, left_out) if options.start_folder else None
    if own and own.exists():
        model.load_state_dict(torch.load(own, map_location="cpu"))
    elif options.start and options.start.suffix == ".onnx":
        load_start(model, options.start)
    elif options.start:
        model.load_state_dict(torch.load(options.start, map_location="cpu"))
    model = model.to(device).to(memory_format=torch.channels_last).train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    return model


def weights_file(folder, left_out):
    """Where the weights of one training lie."""
    return folder / f"lesions_without_{left_out}.pt"


def stored_cases(path, scans, generator, options):
    """The cases of a file, which is made if there is none."""
    if not path.exists():
        shape = TINY_SHAPE if options.tiny else SHAPE
        count = options.cases or (TINY_CASES if options.tiny else CASE_COUNT)
        store([tuple(case) for case in make_cases(scans, generator, count, shape)], path)
    # Contrasts are measured again: files from before have none
    parts = torch.load(path, map_location="cpu", mmap=True, weights_only=False)
    return [Case(*case[:5], math.nan) for case in parts]


def main(arguments=None):
    """One training a left-out patient, then one on all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packed", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--start", type=Path, help="first weights, ONNX or .pt")
    parser.add_argument("--start-folder", type=Path, help="weights of the same folds, to go on")
    parser.add_argument("--minutes", type=float, default=16, help="each training")
    parser.add_argument("--steps", type=int, help="so many steps, instead of minutes")
    parser.add_argument("--cases-file", type=Path)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--folds", nargs="+", help="left-out patients; none, or all")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", help="by default the GPU if there is one")
    parser.add_argument("--tiny", action="store_true", help="small cases, a few steps")
    options = parser.parse_args(arguments)
    device = pick_device(options.device)
    torch.set_num_threads(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def log(text):
        print(f"[{time.monotonic() - began:6.0f} s] {text}", flush=True)

    torch.manual_seed(0)
    random.seed(0)
    generator = Generator(np.load(options.packed / "labels.npz"), device)
    packed = np.load(options.packed / "scans.npz")
    patients = sorted({name.split("_")[0] for name in packed.files})
    everyone = Scans(packed, patients, generator)
    path = options.cases_file or options.output / "cases.pt"
    slices = Slices(stored_cases(path, everyone, generator, options), device)
    log(f"{len(slices.patients)} cases")
    for left_out in options.folds or [*patients, "none"]:
        weights = weights_file(options.output, left_out)
        if weights.exists():
            log(f"without {left_out}: {weights} is there, so nothing is done")
            continue
        torch.manual_seed(0)
        random.seed(0)
        shares = slices.weights(left_out)

        def losses(model, shares=shares):
            scans, brain, lesion = slices.draw(shares, options.batch)
            with half_precision(device):
                logits = model(scans.contiguous(memory_format=torch.channels_last))
            return loss_of(logits, brain, lesion)

        checkpoint = weights.with_name(f"{weights.stem}_checkpoint.pt")
        trained, _ = train(
            new_model(left_out, options, device),
            losses,
            recipe=Recipe(options.rate, 1e-6, 30, largest_norm=2.0, decay=0.99),
            budget=Budget(options.minutes, options.steps or (TINY_STEPS if options.tiny else None)),
            checkpoint=checkpoint,
            log=log,
        )
        held = [v for v in everyone.visits if left_out in (v.patient, "none", "all")]
        middle = TINY_SHAPE if options.tiny else None
        evaluate(trained, held, f"without {left_out}", log, middle)
        store(trained.state_dict(), weights)
        checkpoint.unlink()


if __name__ == "__main__":
    main()
