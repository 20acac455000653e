"""Train the network that names the structures, on synthetic heads of 2 mm alone.

    python pipelines/training/train_structures.py PACKED_DIR OUTPUT_DIR --minutes 75

No real scan is used, so every figure measured on real scans is of scans never seen.
A stopped run goes on from its last checkpoint. `--tiny` tries the code in seconds.
"""

import argparse
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from loop import Budget, Recipe, half_precision, pick_device, store, to_device, train
from network import StructureNetwork
from synthesis import Generator

VOXEL_MM = 2.0
SHAPE, TINY_SHAPE = (80, 96, 80), (32, 32, 32)
RATE = 2e-3
USES = 3
"""How often a case is learned from, mirrored and scaled anew each time."""
POOL = 24
GAIN_SPREAD = 0.15
"""SD of the log of a gain."""
TINY_STEPS = 4
LAYOUT = torch.channels_last_3d


class Pool:
    """Cases kept on the device for a few uses."""

    def __init__(self, generator, shape, *, size, uses):
        self.generator, self.shape, self.cases = generator, shape, []
        self.size, self.uses, self.drawn = size, uses, 0

    @torch.no_grad()
    def draw(self, count):
        """Some cases: (B, 3, I, J, K) scans and (B, I, J, K) structures."""
        cases = [self._one() for _ in range(count)]
        scans = torch.stack([scans for scans, _ in cases]).float()
        structure = torch.stack([structure for _, structure in cases]).long()
        gain = torch.randn(count, 3, 1, 1, 1, device=scans.device)
        scans = scans * torch.exp(GAIN_SPREAD * gain)
        mirrored = to_device([random.random() < 0.5 for _ in range(count)], scans.device)
        mirrored = mirrored[:, None, None, None]
        structure = torch.where(mirrored, structure.flip(1), structure)
        return torch.where(mirrored[:, None], scans.flip(2), scans), structure

    def _one(self):
        if len(self.cases) < self.size or self.drawn % self.uses == 0:
            scans, structure, *_ = self.generator.case(self.shape)
            case = (scans.half(), structure.to(torch.uint8))
            if len(self.cases) < self.size:
                self.cases.append(case)
            else:
                self.cases[random.randrange(self.size)] = case
        self.drawn += 1
        return random.choice(self.cases)


def loss_of(logits, structure):
    """Cross entropy and Dice, and both for the log."""
    logits = logits.float()
    entropy = F.cross_entropy(logits, structure)
    probability = logits.softmax(1)
    truth = torch.zeros_like(probability).scatter_(1, structure[:, None], 1)
    probability, truth = probability.flatten(2)[:, 1:], truth.flatten(2)[:, 1:]
    overlap = (probability * truth).sum(2)
    total = probability.sum(2) + truth.sum(2)
    dice = 1 - ((2 * overlap + 20) / (total + 20)).mean()
    return entropy + dice, torch.stack([entropy, dice])


def main(arguments=None):
    """Train, checkpoint, save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packed", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--start", type=Path, help="first weights (.pt)")
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--steps", type=int, help="so many steps, instead of minutes")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--pool", type=int, default=POOL, help="cases kept")
    parser.add_argument("--uses", type=int, default=USES, help="of each case, about")
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", help="by default the GPU if there is one")
    parser.add_argument("--tiny", action="store_true", help="small cases, a few steps")
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    random.seed(0)
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    options.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    generator = Generator(np.load(options.packed / "labels.npz"), device, VOXEL_MM)
    pool = Pool(
        generator,
        TINY_SHAPE if options.tiny else SHAPE,
        size=2 if options.tiny else options.pool,
        uses=options.uses,
    )
    model = StructureNetwork()
    if options.start:
        model.load_state_dict(torch.load(options.start, map_location="cpu"))
    model = model.to(device).to(memory_format=LAYOUT).train()

    def losses(model):
        scans, structure = pool.draw(options.batch)
        with half_precision(device):
            logits = model(scans.contiguous(memory_format=LAYOUT))
        return loss_of(logits, structure)

    average, step = train(
        model,
        losses,
        recipe=Recipe(options.rate, 1e-5, 50, largest_norm=1.0, decay=0.995),
        budget=Budget(options.minutes, options.steps or (TINY_STEPS if options.tiny else None)),
        checkpoint=options.output / "structures_checkpoint.pt",
        log=lambda text: print(f"[{time.monotonic() - began:6.0f} s] {text}", flush=True),
    )
    store(average.state_dict(), options.output / "structures.pt")
    print(f"{step} steps", flush=True)


if __name__ == "__main__":
    main()
