"""The training loop of both networks: clock, checkpoint, averaged weights.

Nothing in a step asks the device for a value, so that a GPU never waits for Python; the
losses are fetched when they are printed.
"""

import copy
import math
import random
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

LOG_EVERY, SAVE_EVERY_S = 50, 120
WEIGHT_DECAY = 1e-4


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a training lasts: by the clock, or by steps, which can be repeated."""

    minutes: float
    steps: int | None = None

    def used(self, seconds, step):
        """Share of the budget that is used up."""
        return step / self.steps if self.steps else seconds / (60 * self.minutes)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Numbers of the optimiser."""

    rate: float
    last_rate: float
    warm_steps: int
    largest_norm: float
    decay: float
    """Of the averaged weights."""

    def rate_at(self, progress, step):
        """Rate of a step: a short rise, then half a cosine."""
        warm = min(1, (step + 1) / self.warm_steps)
        return self.rate * warm * (0.5 + 0.5 * math.cos(math.pi * progress)) + self.last_rate


def pick_device(name):
    """The device of a name; without one the GPU if there is one."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True  # all batches have one size
    return torch.device(name)


def half_precision(device):
    """Bfloat16 where the device is known to gain by it."""
    if device.type in ("cpu", "cuda"):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def to_device(rows, device):
    """A small tensor of numbers on the device, without waiting for it."""
    return torch.tensor(rows).to(device, non_blocking=True)


def store(content, path):
    """Save so that a kill leaves either the old file or the new one."""
    part = Path(path).with_suffix(".part")
    torch.save(content, part)
    part.replace(path)


def train(model, losses, *, recipe, budget, checkpoint, log):
    """Train until the budget is spent, going on from the checkpoint if there is one.

    `losses` gives, for a model, the loss of a fresh batch and its parts for the log.
    Returns the averaged model and the number of steps.
    """
    device = next(model.parameters()).device
    average = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.rate, weight_decay=WEIGHT_DECAY, fused=device.type == "cuda"
    )
    spent, step = 0.0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location="cpu")
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step = state["spent"], state["step"]
        if "random" in state:
            restore_random(state["random"])
        log(f"goes on from step {step}")
    pairs = [
        (mine, theirs)
        for mine, theirs in zip(
            average.state_dict().values(), model.state_dict().values(), strict=True
        )
        if mine.is_floating_point()
    ]
    parameters = list(model.parameters())
    start = saved = time.monotonic()
    seen = count = 0

    def save():
        state = {
            "model": model.state_dict(), "average": average.state_dict(),
            "optimiser": optimiser.state_dict(), "spent": spent + time.monotonic() - start,
            "step": step, "random": random_state(),
        }  # fmt: skip
        store(state, checkpoint)

    while (progress := budget.used(spent + time.monotonic() - start, step)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate_at(progress, step)
        loss, parts = losses(model)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, recipe.largest_norm)
        useless = ~torch.isfinite(norm)  # a case with nothing to see
        for parameter in parameters:
            parameter.grad.masked_fill_(useless, 0)
        optimiser.step()
        step += 1
        decay = min(recipe.decay, step / (step + 10))
        with torch.no_grad():
            for mine, theirs in pairs:
                mine.lerp_(theirs, 1 - decay)
        seen, count = seen + parts.detach(), count + 1
        if step % LOG_EVERY == 0:
            means = " ".join(f"{value:.4f}" for value in (seen / count).tolist())
            log(f"{progress:5.1%} step {step} losses {means}")
            seen = count = 0
        if time.monotonic() - saved > SAVE_EVERY_S:
            saved = time.monotonic()
            save()
    save()
    return average, step


def random_state():
    """State of all sources of chance."""
    state = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random(state):
    """Go on with the numbers that would have come."""
    torch.set_rng_state(state["torch"])
    version, numbers, rest = state["python"]
    random.setstate((version, tuple(numbers), rest))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
