"""Train the network that names the structures, on synthetic heads of 2 mm alone.

    python pipelines/training/train_structures.py PACKED_DIR OUTPUT_DIR --minutes 75

No real scan is used, so every figure measured on real scans is of scans never seen.
A stopped run goes on from its last checkpoint. `--tiny` tries the code in seconds.
"""

import argparse
import copy
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from network import STRUCTURE_COUNT, StructureNetwork
from synthesis import Generator

VOXEL_MM = 2.0
SHAPE = (80, 96, 80)
RATE = 2e-3
EMA_DECAY = 0.995
USES = 3
"""How often a case is learned from, mirrored and scaled anew each time."""
POOL = 24
SAVE_EVERY_S = 120


class Pool:
    """Cases kept for a few uses."""

    def __init__(self, generator, shape, size):
        self.generator, self.shape, self.cases = generator, shape, []
        self.size, self.uses = size, 0

    @torch.no_grad()
    def draw(self):
        """One case, (3, I, J, K) scans and (I, J, K) structures."""
        if len(self.cases) < self.size or self.uses % USES == 0:
            scans, structure, *_ = self.generator.case(self.shape)
            case = (scans.half(), structure.to(torch.uint8))
            if len(self.cases) < self.size:
                self.cases.append(case)
            else:
                self.cases[random.randrange(self.size)] = case
        self.uses += 1
        scans, structure = random.choice(self.cases)
        scans = scans.float() * torch.exp(0.15 * torch.randn(3, 1, 1, 1))
        if random.random() < 0.5:
            scans, structure = scans.flip(1), structure.flip(0)
        return scans, structure.long()


def loss_of(logits, structure):
    """Cross entropy and Dice."""
    logits = logits.float()
    entropy = F.cross_entropy(logits, structure)
    probability = logits.softmax(1).flatten(2)[0, 1:]
    truth = F.one_hot(structure.flatten(), STRUCTURE_COUNT).T[1:].float()
    overlap = (probability * truth).sum(1)
    total = probability.sum(1) + truth.sum(1)
    dice = 1 - ((2 * overlap + 20) / (total + 20)).mean()
    return entropy + dice, entropy.item(), dice.item()


def main():
    """Train, checkpoint, save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packed", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(0)
    random.seed(0)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    options.output.mkdir(parents=True, exist_ok=True)
    generator = Generator(np.load(options.packed / "labels.npz"), device, VOXEL_MM)
    pool = Pool(generator, (32, 32, 32) if options.tiny else SHAPE, 2 if options.tiny else POOL)
    layout = torch.channels_last_3d
    model = StructureNetwork().to(device).to(memory_format=layout).train()
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-4)
    checkpoint, spent, step = options.output / "structures_checkpoint.pt", 0.0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step = state["spent"], state["step"]
    start = saved = time.time()
    seen = np.zeros(2)
    while (progress := (spent + time.time() - start) / (60 * options.minutes)) < 1:
        for group in optimiser.param_groups:
            warm = min(1, (step + 1) / 50)
            group["lr"] = RATE * warm * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-5
        scans, structure = pool.draw()
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(scans[None].contiguous(memory_format=layout))
        loss, entropy, dice = loss_of(logits, structure[None])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if not torch.isfinite(norm):  # a case with nothing to see
            continue
        optimiser.step()
        step += 1
        decay = min(EMA_DECAY, step / (step + 10))
        with torch.no_grad():
            for mine, theirs in zip(
                average.state_dict().values(), model.state_dict().values(), strict=True
            ):
                if mine.is_floating_point():
                    mine.lerp_(theirs, 1 - decay)
        seen += entropy, dice
        if step % 50 == 0:
            print(
                f"{progress:5.1%} step {step} {seen / 50} {time.time() - start:.0f} s", flush=True
            )
            seen[:] = 0
        if time.time() - saved > SAVE_EVERY_S:
            saved = time.time()
            state = {
                "model": model.state_dict(), "average": average.state_dict(),
                "optimiser": optimiser.state_dict(), "spent": spent + saved - start, "step": step,
            }  # fmt: skip
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
    torch.save(average.state_dict(), options.output / "structures.pt")
    print(f"{step} steps", flush=True)


if __name__ == "__main__":
    main()
