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
import random
import time
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from loop import Budget, Recipe, half_precision, pick_device, store, train
from network import LesionNetwork
from onnx import numpy_helper
from scans import Scans
from slices import Case, Slices, make_cases
from synthesis import Generator
from views import predict_lesions

RATE = 6e-4
SHAPE, TINY_SHAPE = (128, 128, 128), (32, 32, 32)
"""Cubes, so that slices of all views have one size."""
CASE_COUNT, TINY_CASES, TINY_STEPS = 160, 4, 4


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


def stored_cases(paths, scans, generator, options):
    """The cases of files; those that are not there are drawn."""
    parts = []
    for path in paths:
        if not path.exists():
            shape = TINY_SHAPE if options.tiny else SHAPE
            count = options.cases or (TINY_CASES if options.tiny else CASE_COUNT)
            cases = make_cases(scans, generator, count, shape)
            store([tuple(case) for case in cases], path)
        parts += torch.load(path, map_location="cpu", mmap=True, weights_only=False)
    return [Case(*case) for case in parts]


def main(arguments=None):
    """One training a left-out patient, then one on all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packed", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--start", type=Path, help="first weights, ONNX or .pt")
    parser.add_argument("--start-folder", type=Path, help="weights of the same folds, to go on")
    parser.add_argument("--minutes", type=float, default=16, help="each training")
    parser.add_argument("--steps", type=int, help="so many steps, instead of minutes")
    parser.add_argument("--cases-file", type=Path, nargs="+", help="several are put together")
    parser.add_argument("--cases", type=int, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the cases")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument(
        "--folds", nargs="*", help="left-out patients; none, or all; bare: cases alone"
    )
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

    torch.manual_seed(options.seed)
    random.seed(options.seed)
    generator = Generator(np.load(options.packed / "labels.npz"), device)
    packed = np.load(options.packed / "scans.npz")
    patients = sorted({name.split("_")[0] for name in packed.files})
    everyone = Scans(packed, patients, generator)
    paths = options.cases_file or [options.output / "cases.pt"]
    cases = stored_cases(paths, everyone, generator, options)
    log(f"{len(cases)} cases")
    if options.folds == []:
        return
    slices = Slices(cases, device)
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
            recipe=Recipe(options.rate, 1e-6, 30, largest_norm=2.0, decay=0.995),
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
