"""Train the network that finds lesions, by leave-one-patient-out and on all.

    python pipelines/training/train_lesions.py PACKED_DIR OUTPUT_DIR --start MODEL.onnx

It starts from weights that have seen synthetic brains alone, and learns from real
scans with manual masks mixed with synthetic ones. For the measured figures it is
trained once for every patient on the others; the shipped weights come from all.
"""

import argparse
import copy
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
from network import NEIGHBOURS, VIEWS, LesionNetwork
from onnx import numpy_helper
from scans import Scans
from synthesis import Generator
from views import predict_lesions, slices_of

PATIENTS = ("LJ07", "LJ19", "P14", "P39")
RATE = 6e-4
EMA_DECAY = 0.99
SHAPE = (128, 128, 128)
CASE_COUNT = 160
REAL_SHARE = 0.65
DRAWN_REAL_SHARE = 0.75
CONTRAST_RANGE = 0.5
"""Largest log of the power by which contrast to white matter is changed."""
LESION_CONTRAST = (1.2, 2.0)
"""Signal of lesions by that of white matter on FLAIR, from scanner to scanner."""
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
def make_cases(scans, generator, count):
    """Draw cases, real and synthetic ones, all patients among them."""
    cases = []
    for number in range(count):
        real = number % 20 < round(20 * REAL_SHARE)
        if real:
            images, brain, lesion, patients = scans.lesion_case(SHAPE)
        else:
            images, brain, lesion = generator.lesion_case(SHAPE)
            patients = frozenset()
        where = [slices_with(lesion), slices_with(brain)]
        contrast = lesion_contrast(images, lesion)
        cases.append(Case(images.half(), brain, lesion, where, patients, contrast))
    return cases


def batch_of(cases, weights, count):
    """`count` slices: scans, brain, lesion."""
    parts = []
    for case in random.choices(cases, weights, k=count):
        view = random.randrange(VIEWS)
        index = pick_slice(case.where, view, case.brain.shape[view])
        scans = case.scans
        near = slice(max(0, index - NEIGHBOURS), index + NEIGHBOURS + 1)
        thin = scans.narrow(
            1 + view, near.start, min(near.stop, scans.shape[1 + view]) - near.start
        )
        chosen = slices_of(other_contrast(thin.float(), case.contrast), view, [index - near.start])[
            0
        ]
        brain, lesion = case.brain.select(view, index), case.lesion.select(view, index)
        if view and random.random() < 0.5:  # left and right
            chosen, brain, lesion = (x.flip(-2) for x in (chosen, brain, lesion))
        parts.append((chosen, brain, lesion))
    return [torch.stack(part) for part in zip(*parts, strict=True)]


def other_contrast(scans, contrast):
    """Scans with another contrast to white matter, other gain and noise.

    On FLAIR the power is such that lesions get a signal drawn from `LESION_CONTRAST`,
    whatever they had: it differs by scanner more than within one.
    """
    level = torch.tensor(WHITE_LEVELS)[:, None, None, None]
    power = torch.exp(CONTRAST_RANGE * (2 * torch.rand(3, 1, 1, 1) - 1))
    power[0] = math.log(random.uniform(*LESION_CONTRAST)) / math.log(contrast)
    gain = torch.exp(0.05 * torch.randn(3, 1, 1, 1))
    out = gain * level * (scans / level) ** power
    noise = random.uniform(0, 0.03) * torch.randn_like(scans)
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
    """Cross entropy and Dice inside the brain."""
    logit, inside, lesion = logits[:, 0].float(), brain.float(), lesion.float()
    entropy = F.binary_cross_entropy_with_logits(logit, lesion, reduction="none")
    entropy = (entropy * inside).sum() / inside.sum().clamp_min(1)
    guess = logit.sigmoid() * inside
    dice = 1 - (2 * (guess * lesion).sum() + 50) / (guess.sum() + lesion.sum() + 50)
    return 5 * entropy + dice, entropy.item(), dice.item()


def train(model, cases, *, minutes, batch, log):
    """Train for so many minutes; returns the averaged model."""
    average = copy.deepcopy(model).eval()
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-4)
    device = next(model.parameters()).device
    real = sum(1 for case in cases if case.patients)
    shares = {True: DRAWN_REAL_SHARE / real, False: (1 - DRAWN_REAL_SHARE) / (len(cases) - real)}
    weights = [shares[bool(case.patients)] for case in cases]
    start, step, seen = time.time(), 0, np.zeros(2)
    while (progress := (time.time() - start) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            warm = min(1, (step + 1) / 30)
            group["lr"] = RATE * warm * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-6
        scans, brain, lesion = batch_of(cases, weights, batch)
        scans = scans.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(scans)
        loss, *parts = loss_of(logits, brain, lesion)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        step += 1
        decay = min(EMA_DECAY, step / (step + 10))
        with torch.no_grad():
            pairs = zip(average.state_dict().values(), model.state_dict().values(), strict=True)
            for mine, theirs in pairs:
                if mine.is_floating_point():
                    mine.lerp_(theirs, 1 - decay)
        seen += parts
        if step % 50 == 0:
            log(f"{progress:5.1%} step {step} {seen / 50}")
            seen[:] = 0
    return average


def evaluate(model, visits, name, log):
    """Dice of every visit, with FLAIR and T1w and with FLAIR alone."""
    results = {}
    for number, visit in enumerate(visits):
        images = visit.scaled(lambda _: 0)
        for kind, channels in (("FLAIR+T1w", (0, 1)), ("FLAIR", (0,))):
            chosen = torch.zeros_like(images)
            chosen[list(channels)] = images[list(channels)]
            guess = predict_lesions(model, chosen) > 0.5
            both = (guess & visit.lesion).sum() * 2
            dice = (both / (guess.sum() + visit.lesion.sum()).clamp_min(1)).item()
            volumes = [round(m.sum().item() / 1e3, 2) for m in (guess, visit.lesion)]
            results[f"{visit.patient}#{number} {kind}"] = (round(dice, 4), *volumes)
    log(f"{name} {json.dumps(results)}")


def main():
    """One training a left-out patient, then one on all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packed", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--start", type=Path, help="ONNX file with the first weights")
    parser.add_argument("--start-folder", type=Path, help="weights of the same folds, to go on")
    parser.add_argument("--minutes", type=float, default=16, help="each training")
    parser.add_argument("--cases-file", type=Path)
    parser.add_argument("--cases", type=int, default=CASE_COUNT)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--folds", nargs="+", default=[*PATIENTS, "none"])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    began = time.time()

    def log(text):
        print(f"[{time.time() - began:6.0f} s] {text}", flush=True)

    torch.manual_seed(0)
    random.seed(0)
    generator = Generator(np.load(options.packed / "labels.npz"), device)
    everyone = Scans(np.load(options.packed / "scans.npz"), PATIENTS, generator)
    stored = options.cases_file or options.output / "cases.pt"
    if not stored.exists():
        torch.save([tuple(c) for c in make_cases(everyone, generator, options.cases)], stored)
    cases = [
        Case(*parts[:5], lesion_contrast(parts[0], parts[2]))
        for parts in torch.load(stored, weights_only=False)
    ]
    log(f"{len(cases)} cases")
    for left_out in options.folds:
        torch.manual_seed(0)
        random.seed(0)
        model = LesionNetwork().to(device).to(memory_format=torch.channels_last)
        own = (
            options.start_folder / f"lesions_without_{left_out}.pt"
            if options.start_folder
            else None
        )
        if own and own.exists():
            model.load_state_dict(torch.load(own))
        elif options.start:
            load_start(model, options.start)
        trained = train(
            model,
            [case for case in cases if left_out not in case.patients],
            minutes=options.minutes,
            batch=options.batch,
            log=log,
        )
        torch.save(trained.state_dict(), options.output / f"lesions_without_{left_out}.pt")
        held = [v for v in everyone.visits if v.patient == left_out or left_out == "none"]
        evaluate(trained, held, f"without {left_out}", log)


if __name__ == "__main__":
    main()
