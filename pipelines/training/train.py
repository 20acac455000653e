"""Train the network: first on synthetic heads, then a share of real scans.

    python pipelines/training/train.py PACKED_DIR OUTPUT_DIR --minutes 22

The base learns from synthetic heads alone. For the measured figures a copy of
it is tuned for every patient on the scans of the other patients; for the
weights that are shipped it is tuned on all of them. Stopped runs go on from
their last checkpoint. With no GPU, `--tiny` runs every step in small.
"""

import argparse
import copy
import json
import math
import random
import threading
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fields import normalise
from network import STRUCTURE_COUNT, VIEWS, Network
from scans import Scans
from synthesis import Generator
from views import predict, slices_of

PATIENTS = ("LJ07", "LJ19", "P14", "P39")
EMA_DECAY = 0.998
BASE_RATE, TUNING_RATE = 2e-3, 4e-4
FROZEN_SHARE = 0.15
"""Last share of the base training in which batch statistics are frozen."""
LESION_WEIGHT = 1.0
SAVE_EVERY_S = 60
SLICES_PER_CASE = 40
"""About how many slices are taken of a case before it makes room (2D)."""
BRAIN_SHARE, LESION_SHARE = 0.55, 0.4
"""Share of slices drawn among those with brain, and among those with lesion."""


class Buffer:
    """Cases drawn in the background and kept on the device for reuse."""

    def __init__(self, sources, shares, shape, capacity, threads):
        self.sources, self.shares, self.shape = sources, shares, shape
        self.cases, self.capacity, self.made, self.drawn = [], capacity, 0, 0
        self.alive, self.error = True, None
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _work(self):
        cuda = torch.cuda.is_available()
        stream = torch.cuda.Stream() if cuda else None
        try:
            while self.alive:
                if self.made > self.capacity + self.drawn / SLICES_PER_CASE:
                    time.sleep(0.02)
                    continue
                source = random.choices(self.sources, self.shares)[0]
                with torch.cuda.stream(stream) if cuda else torch.no_grad(), torch.no_grad():
                    scans, structure, lesion, weight = source.case(self.shape)
                    case = (scans.half(), structure.to(torch.uint8), lesion.to(torch.uint8), weight)
                    where = [slices_with(lesion), slices_with(structure > 0)]
                if cuda:
                    stream.synchronize()
                if len(self.cases) < self.capacity:
                    self.cases.append((*case, where))
                else:
                    self.cases[random.randrange(self.capacity)] = (*case, where)
                self.made += 1
        except Exception as error:
            self.error = error
            raise

    def batch(self, count, dims):
        """`count` cases (3D) or slices of cases (2D), each with its own gain."""
        while len(self.cases) < min(self.capacity, 2 * count):
            if self.error:
                raise self.error
            time.sleep(0.05)
        if self.error:
            raise self.error
        parts = []
        self.drawn += count if dims == 2 else count * SLICES_PER_CASE
        for scans, structure, lesion, weight, where in random.sample(self.cases, count):
            if scans.is_cuda:
                for tensor in (scans, structure, lesion):
                    tensor.record_stream(torch.cuda.current_stream())
            gain = torch.exp(0.1 * torch.randn(3, 1, 1, 1, device=scans.device))
            scans = scans.float() * gain
            if dims == 2:
                view = random.randrange(VIEWS)
                index = pick_slice(where, view, structure.shape[view])
                scans = slices_of(scans, view, [index])[0]
                structure, lesion = structure.select(view, index), lesion.select(view, index)
            parts.append((scans, structure, lesion, weight))
        scans, structures, lesions, weights = zip(*parts, strict=True)
        weights = torch.tensor(weights, device=scans[0].device)
        return torch.stack(scans), torch.stack(structures), torch.stack(lesions), weights

    def stop(self):
        """End the threads and let the cases go."""
        self.alive = False
        for thread in self.threads:
            thread.join()
        self.cases = []


def slices_with(mask):
    """For each axis the slices in which a (I, J, K) mask has a voxel."""
    mask = mask.bool()
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


def losses(logits, structure, lesion, weight):
    """Cross entropy and Dice of the structures and of the lesions."""
    logits = logits.float()
    structure = structure.long()
    anatomy = logits[:, :STRUCTURE_COUNT]
    entropy = F.cross_entropy(anatomy, structure)
    probability = anatomy.softmax(1)
    overlap, total = [], []
    for s in range(1, STRUCTURE_COUNT):
        truth = (structure == s).float()
        overlap.append((probability[:, s] * truth).sum())
        total.append(probability[:, s].sum() + truth.sum())
    dice = 1 - ((2 * torch.stack(overlap) + 100) / (torch.stack(total) + 100)).mean()
    lesion = lesion.float()
    logit = logits[:, STRUCTURE_COUNT]
    weight = weight.reshape(-1, *[1] * (lesion.ndim - 1))
    inside = (structure > 0).float() * weight
    bce = F.binary_cross_entropy_with_logits(logit, lesion, reduction="none")
    bce = (bce * inside).sum() / inside.sum().clamp_min(1)
    guess, lesion = logit.sigmoid() * weight, lesion * weight
    lesion_dice = 1 - (2 * (guess * lesion).sum() + 50) / (guess.sum() + lesion.sum() + 50)
    loss = entropy + 0.5 * dice + LESION_WEIGHT * (5 * bce + lesion_dice)
    return loss, torch.stack([entropy, dice, bce, lesion_dice]).detach()


class Average:
    """Exponential moving average of weights and batch statistics."""

    def __init__(self, model):
        self.model = copy.deepcopy(model)
        self.steps = 0

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        decay = min(EMA_DECAY, (1 + self.steps) / (10 + self.steps))
        mine = [v for v in self.model.state_dict().values() if v.is_floating_point()]
        theirs = [v for v in model.state_dict().values() if v.is_floating_point()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)


def freeze_statistics(model, frozen):
    """Let batch normalisation use its running statistics, or the batch's."""
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.train(not frozen)


def run(model, buffer, *, minutes, rate, batch, frozen_from, log, state_path=None, compiled=None):
    """Train for so many minutes; returns the averaged model."""
    device = next(model.parameters()).device
    average = Average(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)
    forward = compiled or model
    spent, step, seen = 0.0, 0, torch.zeros(4, device=device)
    if state_path and state_path.exists():
        state = torch.load(state_path, map_location=device)
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step = state["spent"], state["step"]
        average.steps = step
    model.train()
    frozen = False
    start = last_save = last_log = time.time()
    while (progress := (spent + time.time() - start) / (60 * minutes)) < 1:
        if not frozen and progress >= frozen_from:
            freeze_statistics(model, True)
            frozen = True
        warm = min(1, (step + 1) / 200)
        for group in optimiser.param_groups:
            group["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-6
        scans, structure, lesion, weight = buffer.batch(batch, model.dims)
        scans = scans.contiguous(memory_format=memory_format(model.dims))
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = forward(scans)
        loss, parts = losses(logits, structure, lesion, weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        average.update(model)
        seen += parts
        step += 1
        if step % 50 == 0:
            now = time.time()
            mean = " ".join(f"{v / 50:.4f}" for v in seen.tolist())
            log(
                f"{progress:5.1%} step {step} {(now - last_log) / 50:.3f} s/step, "
                f"made {buffer.made}, CE/Dice/BCE/lesion Dice {mean}"
            )
            seen.zero_()
            last_log = now
            if state_path and now - last_save > SAVE_EVERY_S:
                save_state(state_path, model, average, optimiser, spent + now - start, step)
                last_save = now
    log(f"{step} steps, {buffer.made} cases made")
    average.model.eval()
    return average.model


def memory_format(dims):
    """The layout of tensors that convolutions like best."""
    return torch.channels_last if dims == 2 else torch.channels_last_3d


def save_state(path, model, average, optimiser, spent, step):
    """Checkpoint, never half written."""
    state = {
        "model": model.state_dict(),
        "average": average.model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "spent": spent,
        "step": step,
    }
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def save_weights(path, model):
    """Weights in half precision."""
    torch.save(
        {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}, path
    )


@torch.no_grad()
def evaluate(model, scans, log):
    """Dice of every visit, with FLAIR and T1w and with FLAIR alone."""
    results = {}
    for number, visit in enumerate(scans.visits):
        images = torch.stack([normalise(s) for s in visit.scans(lambda _: 0)])
        for name, channels in (("FLAIR+T1w", (0, 1)), ("FLAIR", (0,))):
            chosen = torch.zeros_like(images)
            chosen[list(channels)] = images[list(channels)]
            guess = predict(model, chosen)[STRUCTURE_COUNT] > 0.5
            both = (guess & visit.lesion).sum() * 2
            dice = (both / (guess.sum() + visit.lesion.sum()).clamp_min(1)).item()
            results[f"{visit.patient}#{number} {name}"] = round(dice, 4)
    log(json.dumps(results))
    return results


def main():
    """Base, then one tuning a left-out patient, then one on all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packed", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=22)
    parser.add_argument("--tuning-minutes", type=float, default=1.5, help="each of the five")
    parser.add_argument("--dims", type=int, choices=(2, 3), default=2, help="3 needs a GPU")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--base-only", action="store_true", help="no tuning")
    parser.add_argument("--threads", type=int, default=1, help="of torch, on a CPU")
    parser.add_argument("--tiny", action="store_true", help="small, to try the code")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    random.seed(0)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    options.output.mkdir(parents=True, exist_ok=True)
    began = time.time()

    def log(text):
        line = f"[{time.time() - began:6.0f} s] {text}"
        print(line, flush=True)
        with (options.output / "log.txt").open("a") as file:
            file.write(line + "\n")

    if device.type == "cpu":
        torch.set_num_threads(options.threads)
    shape = (48, 48, 48) if options.tiny else (128, 128, 128)
    widths = (8, 8, 8) if options.tiny else None
    capacity, threads = (30, 1) if options.tiny else (256, 3 if device.type == "cuda" else 1)
    generator = Generator(np.load(options.packed / "labels.npz"), device)
    packed = np.load(options.packed / "scans.npz")
    model = Network(options.dims, widths).to(device)
    model = model.to(memory_format=memory_format(options.dims))
    compiled = torch.compile(model) if device.type == "cuda" else None
    base_minutes = options.minutes - (len(PATIENTS) + 1) * options.tuning_minutes * (
        not options.base_only
    )
    base_path = options.output / "base.pt"
    if base_path.exists():
        model.load_state_dict(torch.load(base_path, map_location=device))
        base = copy.deepcopy(model).eval()
    else:
        buffer = Buffer([generator], [1], shape, capacity, threads)
        base = run(
            model, buffer, minutes=base_minutes, rate=BASE_RATE, batch=options.batch,
            frozen_from=1 - FROZEN_SHARE, log=log, compiled=compiled,
            state_path=options.output / "checkpoint.pt",
        )  # fmt: skip
        buffer.stop()
        save_weights(base_path, base)
    if options.base_only:
        return
    everyone = Scans(packed, PATIENTS, generator)
    evaluate(base, everyone, log)
    everyone.learn_anatomy(base)
    for left_out in ("", *PATIENTS):
        name = f"without_{left_out}" if left_out else "all"
        path = options.output / f"{name}.pt"
        if path.exists():
            continue
        scans = Scans(packed, [p for p in PATIENTS if p != left_out], generator)
        scans.learn_anatomy(base)
        model.load_state_dict(base.state_dict())
        buffer = Buffer([scans, generator], [0.6, 0.4], shape, capacity // 2, threads)
        tuned = run(
            model, buffer, minutes=options.tuning_minutes, rate=TUNING_RATE,
            batch=options.batch, frozen_from=0, log=log, compiled=compiled,
        )  # fmt: skip
        buffer.stop()
        save_weights(path, tuned)
        log(f"tuned {name}")
        evaluate(tuned, everyone if not left_out else Scans(packed, [left_out], generator), log)


if __name__ == "__main__":
    main()
