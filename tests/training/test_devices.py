"""On a GPU everything lies there, and a step never waits: tried on a pretended one."""

import contextlib

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training needs torch")
from pretended_gpu import OnGpu, PretendedGpu  # noqa: E402

GPU = torch.device("meta")
SHAPE = (32, 32, 32)


@pytest.fixture
def gpu(scripts, monkeypatch):
    for module in (scripts.views, scripts.train_lesions, scripts.train_structures):
        # Without a real GPU torch has no half precision for one
        monkeypatch.setattr(module, "half_precision", lambda _: contextlib.nullcontext())
    with PretendedGpu() as pretended:
        yield pretended


def test_mixed_devices_are_seen(gpu):
    there = torch.ones(3, device=GPU)
    assert isinstance(there, OnGpu)
    assert there.device.type == "meta"
    with pytest.raises(RuntimeError, match="on the GPU and on the CPU"):
        there + torch.ones(3)
    assert (there + torch.tensor(1.0)).sum().item() == 6  # a number may come from anywhere
    assert gpu.waits == ["aten::_local_scalar_dense"]


def test_waiting_is_seen(gpu):
    there = torch.arange(3.0).to(GPU, non_blocking=True)
    assert gpu.waits == []
    there[there > 1]
    torch.ones(2).to(GPU)
    there.cpu()
    assert [wait.split()[-1] for wait in gpu.waits] == ["mask", "meta", "cpu"]


def test_a_case_is_drawn_on_the_device(scripts, packed, gpu):
    torch.manual_seed(1)
    generator = scripts.synthesis.Generator(np.load(packed / "labels.npz"), GPU, 2.0)
    for _ in range(12):
        assert all(isinstance(x, OnGpu) for x in generator.case(SHAPE)[:3])


def structures_step(scripts, packed):
    generator = scripts.synthesis.Generator(np.load(packed / "labels.npz"), GPU, 2.0)
    pool = scripts.train_structures.Pool(generator, SHAPE, size=2, uses=10_000)
    pool.draw(2)  # what draws new cases may wait
    model = scripts.network.StructureNetwork((4, 4, 4, 4, 4)).to(GPU)

    def losses(model):
        scans, structure = pool.draw(3)
        return scripts.train_structures.loss_of(model(scans), structure)

    return model, losses


def lesions_step(scripts):
    torch.manual_seed(0)
    cases = []
    for number in range(3):
        brain = torch.ones(SHAPE, dtype=torch.bool)
        lesion = torch.zeros_like(brain)
        lesion[8:20, 10:20, 10:20] = True
        where = [scripts.slices.slices_with(mask) for mask in (lesion, brain)]
        patients = frozenset({"A01"}) if number else frozenset()
        scans = (torch.rand(3, *SHAPE) + 0.3).half()
        cases.append(scripts.slices.Case(scans, brain, lesion, where, patients, 1.5))
    slices = scripts.slices.Slices(cases, GPU)
    model = scripts.network.LesionNetwork((4, 4, 4, 4, 4)).to(GPU)

    def losses(model):
        scans, brain, lesion = slices.draw(slices.weights("none"), 6)
        return scripts.train_lesions.loss_of(model(scans), brain, lesion)

    return model, losses


@pytest.mark.parametrize("kind", ["structures", "lesions"])
def test_a_step_does_not_wait(kind, scripts, packed, gpu, tmp_path, monkeypatch):
    step = structures_step(scripts, packed) if kind == "structures" else lesions_step(scripts)
    monkeypatch.setattr(scripts.loop, "store", lambda *_: None)
    gpu.waits.clear()
    scripts.loop.train(
        *step,
        recipe=scripts.loop.Recipe(1e-3, 1e-5, 2, largest_norm=1.0, decay=0.9),
        budget=scripts.loop.Budget(1, steps=3),
        checkpoint=tmp_path / "none.pt",
        log=print,
    )
    assert gpu.waits == []


def test_volumes_are_predicted_on_the_device(scripts, gpu):
    model = scripts.network.LesionNetwork((4, 4, 4, 4, 4)).to(GPU)
    out = scripts.views.predict_lesions(model, torch.rand(3, 20, 24, 18, device=GPU))
    assert isinstance(out, OnGpu)
    assert out.shape == (20, 24, 18)


@pytest.mark.slow
def test_patients_are_drawn_on_the_device(scripts, packed, gpu):
    torch.manual_seed(1)
    generator = scripts.synthesis.Generator(np.load(packed / "labels.npz"), GPU)
    scans = scripts.scans.Scans(np.load(packed / "scans.npz"), ("A01", "B02"), generator)
    for _ in range(6):
        assert all(isinstance(x, OnGpu) for x in scans.lesion_case(SHAPE)[:3])
