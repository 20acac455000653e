"""Both trainings in a tiny form: steps, kill, resume, export, and use in the package."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from mslesion import process_visit
from mslesion.pipeline.visit import head as visit_head
from mslesion.segmentation.anatomy.network import predict_structures
from mslesion.segmentation.lesions.network import LesionNetwork

torch = pytest.importorskip("torch", reason="the training needs torch")
pytest.importorskip("onnx", reason="the export needs onnx")
import nibabel as nib  # noqa: E402
import onnxruntime as ort  # noqa: E402

# torch's exporter warns of what will come to it
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
NARROW = (8, 8, 8, 8, 8)
WHITE_MATTER = 3


@pytest.fixture
def trainings(scripts, packed, generator, patients, monkeypatch):
    """Both scripts, with small networks; the lesions' one with scans that are read already."""
    lesions, structures = scripts.train_lesions, scripts.train_structures
    narrow_lesions = lambda: scripts.network.LesionNetwork(NARROW)  # noqa: E731
    narrow_structures = lambda: scripts.network.StructureNetwork(NARROW)  # noqa: E731
    monkeypatch.setattr(lesions, "Generator", lambda *_: generator)
    monkeypatch.setattr(lesions, "Scans", lambda *_: patients)
    monkeypatch.setattr(lesions, "LesionNetwork", narrow_lesions)
    monkeypatch.setattr(structures, "StructureNetwork", narrow_structures)

    def run(kind, output, *options):
        script = {"lesions": lesions, "structures": structures}[kind]
        fold = ("--folds", "A01") if kind == "lesions" else ()
        script.main([str(packed), str(output), "--tiny", "--batch", "2", *fold, *options])
        return output / {"lesions": "lesions_without_A01.pt", "structures": "structures.pt"}[kind]

    return run


@pytest.fixture
def killed(scripts, monkeypatch):
    """Checkpoints after every step, and a kill after the third."""
    store, steps = scripts.loop.store, []

    def kill_after_third(content, path):
        store(content, path)
        steps.append(content["step"])
        if len(steps) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scripts.loop, "SAVE_EVERY_S", -1)
        patch.setattr(scripts.loop, "store", kill_after_third)
        yield steps, patch


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["structures", "lesions"])
def test_a_killed_training_goes_on(kind, trainings, killed, tmp_path, capsys):
    steps, patch = killed
    with pytest.raises(KeyboardInterrupt):
        trainings(kind, tmp_path, "--steps", "5")
    assert steps == [1, 2, 3]
    assert not list(tmp_path.glob("*.part"))
    patch.undo()
    capsys.readouterr()
    weights = trainings(kind, tmp_path, "--steps", "5")
    assert "goes on from step 3\n" in capsys.readouterr().out
    assert all(torch.isfinite(value).all() for value in torch.load(weights).values())
    if kind == "structures":
        checkpoint = torch.load(tmp_path / "structures_checkpoint.pt")
        assert checkpoint["step"] == 5


@pytest.mark.slow
def test_a_killed_training_ends_as_any_other(trainings, killed, tmp_path):
    """Cases and chance are stored, so the weights are the same bit for bit."""
    _, patch = killed
    with pytest.raises(KeyboardInterrupt):
        trainings("lesions", tmp_path / "killed", "--steps", "5")
    patch.undo()
    (tmp_path / "whole").mkdir()
    cases = (tmp_path / "killed/cases.pt").rename(tmp_path / "cases.pt")
    ends = [
        torch.load(
            trainings("lesions", tmp_path / name, "--steps", "5", "--cases-file", str(cases))
        )
        for name in ("killed", "whole")
    ]
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name]), name


@pytest.mark.slow
def test_a_finished_patient_is_skipped(scripts, trainings, tmp_path, capsys):
    first = torch.tensor([0.25])
    start = scripts.network.LesionNetwork(NARROW).state_dict()
    start["head.bias"] = first
    torch.save(start, tmp_path / "start.pt")
    begin = ("--start", str(tmp_path / "start.pt"), "--rate", "0")
    weights = trainings("lesions", tmp_path, "--steps", "1", *begin)
    torch.testing.assert_close(torch.load(weights)["head.bias"], first, atol=1e-5, rtol=0)
    before = weights.read_bytes()
    assert not list(tmp_path.glob("*checkpoint*"))
    assert 'without A01 {"A01#0 FLAIR+T1w"' in capsys.readouterr().out  # measured on the left out
    trainings("lesions", tmp_path, "--steps", "9")
    assert "so nothing is done" in capsys.readouterr().out
    assert weights.read_bytes() == before


def test_clock_and_steps(scripts):
    """30 of 120 seconds are a quarter; 3 of 4 steps are three quarters, however long."""
    assert scripts.loop.Budget(2).used(30, 1000) == 0.25
    assert scripts.loop.Budget(2, steps=4).used(999, 3) == 0.75


def test_rates(scripts):
    """Warm-up over 10 steps, half a cosine, then the last rate alone."""
    recipe = scripts.loop.Recipe(1.0, 0.125, 10, largest_norm=1, decay=0.9)
    assert recipe.rate_at(0, 0) == pytest.approx(0.225)  # 1 / 10 + 0.125
    assert recipe.rate_at(0.5, 100) == pytest.approx(0.625)  # 1 / 2 + 0.125
    assert recipe.rate_at(1, 100) == pytest.approx(0.125)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_useless_case_leaves_the_weights(scripts, tmp_path, bad):
    """Its gradient counts as 0; only the decay of weights goes on (rate x 1e-4)."""
    model = torch.nn.Linear(2, 1)
    before = model.weight.detach().clone()

    def losses(model):
        loss = (model(torch.ones(1, 2)) * bad).sum()
        return loss, torch.stack([loss, loss])

    recipe = scripts.loop.Recipe(1e-3, 0, 1, largest_norm=1, decay=0.9)
    scripts.loop.train(
        model, losses, recipe=recipe, budget=scripts.loop.Budget(1, steps=2),
        checkpoint=tmp_path / "c.pt", log=print,
    )  # fmt: skip
    torch.testing.assert_close(model.weight, before, rtol=1e-5, atol=0)


def overfitted(scripts, model, losses, tmp_path, steps=30):
    """Losses of the steps of a training on one batch."""
    seen = []

    def watched(model):
        torch.manual_seed(0)
        loss, parts = losses(model)
        seen.append(loss.item())
        return loss, parts

    recipe = scripts.loop.Recipe(5e-3, 1e-5, 2, largest_norm=2.0, decay=0.9)
    budget = scripts.loop.Budget(1, steps=steps)
    scripts.loop.train(
        model, watched, recipe=recipe, budget=budget, checkpoint=tmp_path / "c.pt", log=print
    )
    return seen


def test_structures_are_learned(scripts, generator, tmp_path):
    torch.manual_seed(2)
    scans, structure, *_ = generator.case((32, 32, 32))
    assert len(structure.unique()) > 2
    model = scripts.network.StructureNetwork(NARROW)

    def losses(model):
        return scripts.train_structures.loss_of(model(scans[None]), structure[None])

    seen = overfitted(scripts, model, losses, tmp_path)
    assert np.isfinite(seen).all()
    assert seen[-1] < 0.8 * seen[0]


def some_cases(scripts):
    """A real and a synthetic brain; lesions are exactly what is bright on FLAIR."""
    rng = np.random.default_rng(0)
    out = []
    for patients in (frozenset({"A01"}), frozenset()):
        lesion = torch.zeros(32, 32, 32, dtype=torch.bool)
        for corner in rng.integers(4, 22, (4, 3)):
            lesion[tuple(slice(c, c + 6) for c in corner)] = True
        brain = torch.ones_like(lesion)
        scans = torch.rand(3, 32, 32, 32) * 0.1 + 0.6
        scans[0] += 0.5 * lesion
        where = [scripts.slices.slices_with(mask) for mask in (lesion, brain)]
        out.append(scripts.slices.Case(scans.half(), brain, lesion, where, patients, 1.7))
    return out


def test_lesions_are_learned(scripts, tmp_path):
    torch.manual_seed(2)
    slices = scripts.slices.Slices(some_cases(scripts), torch.device("cpu"))
    batch, brain, lesion = slices.draw(slices.weights("none"), 6)
    assert lesion.any()
    model = scripts.network.LesionNetwork(NARROW)

    def losses(model):
        return scripts.train_lesions.loss_of(model(batch), brain, lesion)

    seen = overfitted(scripts, model, losses, tmp_path)
    assert np.isfinite(seen).all()
    assert seen[-1] < 0.8 * seen[0]


def test_slices_and_masks_belong_together(scripts, monkeypatch):
    """In every view and mirrored or not, the lesion is what is bright in the middle slice."""
    monkeypatch.setattr(scripts.slices, "other_contrast", lambda scans, *_: scans)
    monkeypatch.setattr(scripts.slices, "other_place", lambda *slices: slices)
    slices = scripts.slices.Slices(some_cases(scripts), torch.device("cpu"))
    scans, brain, lesion = slices.draw(slices.weights("none"), 60)
    assert scans.shape == (60, 18, 32, 32)
    assert brain.shape == lesion.shape == (60, 32, 32)
    assert torch.equal(scans[:, 2] > 0.9, lesion)  # channel 0, third of its five slices
    planes = scans[:, 15:].amax((2, 3))
    assert (planes.sum(1) == 1).all()
    assert (planes.sum(0) > 0).all()  # all three views


def test_turned_slices_keep_their_masks(scripts):
    """Half of the slices move; a mask goes where its lesion goes."""
    torch.manual_seed(0)
    lesion = torch.zeros(40, 32, 32, dtype=torch.bool)
    lesion[:, 6:14, 18:26] = True
    brain = torch.zeros_like(lesion)
    brain[:, 3:29, 3:29] = True
    scans = (0.4 * brain + 0.6 * lesion)[:, None].repeat(1, 4, 1, 1)
    out, inside, moved = scripts.slices.other_place(scans, brain, lesion)
    assert torch.equal(out[:, 0] > 0.7, moved)
    assert torch.equal(out[:, 0] > 0, inside)  # the brain's edge is as sharp as before
    assert (out[:, 0][inside] > 0.399).all()
    same = (moved == lesion).flatten(1).all(1)
    assert 10 < same.sum() < 30
    assert torch.equal(out[same], scans[same])
    sizes = moved.flatten(1).sum(1) / 64
    assert sizes.min() > 0.55  # exp(-2 * 0.2) of the area, and whole voxels
    assert sizes.max() < 1.7


def test_a_left_out_patient_is_not_drawn(scripts):
    slices = scripts.slices.Slices(some_cases(scripts), torch.device("cpu"))
    assert slices.weights("A01") == [0, pytest.approx(0.25)]
    assert slices.weights("all") == [0, pytest.approx(0.25)]  # synthetic brains alone
    assert slices.weights("B02") == slices.weights("none")
    assert slices.weights("none") == [pytest.approx(0.75), pytest.approx(0.25)]


def test_contrast_of_lesions(scripts, monkeypatch):
    """White matter at its level stays, lesions 1.5 times as bright get 1.2 to 2 times."""
    monkeypatch.setattr(scripts.slices, "LARGEST_SHADING", 0)
    torch.manual_seed(0)
    fields, count = scripts.fields, 200
    level = torch.tensor(fields.WHITE_LEVELS).reshape(3, 1, 1, 1)
    scans = level.expand(count, 3, 5, 2, 2).clone()
    scans[..., 0, 0] *= 1.5
    scans[..., 1, 1] = 0
    out = scripts.slices.other_contrast(scans, torch.full((count,), 1.5), level)
    assert not out[..., 1, 1].any()  # nothing stays nothing
    flair = out[:, 0].mean(1)  # over five slices, so noise hardly counts
    ratio = flair[:, 0, 0] / flair[:, 0, 1]
    assert 1.1 < ratio.min() < 1.3
    assert 1.8 < ratio.max() < 2.15
    middle = out[:, :, :, 0, 1].mean((0, 2)) / level.flatten()
    torch.testing.assert_close(middle, torch.ones(3), rtol=0.02, atol=0)


def test_dark_on_flair_is_fluid(scripts, patients):
    """T1w after contrast may not show the fluid, and a mask may cover it."""
    visit = patients.visits[0]
    scans = visit.scans(lambda _: 0)
    white = (visit.anatomy == scripts.scans.WHITE_MATTER) & ~visit.lesion
    fluid = (scans[0] > 0) & (scans[0] < 0.5 * scans[0][white].median())
    scans[1][fluid] = scans[1][white].median()
    tissue = scripts.scans.tissues_of(scans, visit.lesion | fluid)
    assert (tissue[fluid] == scripts.scans.FLUID).all()
    assert (tissue[visit.lesion] == scripts.scans.WHITE_MATTER).all()


def test_cases_of_several_files(scripts, packed, tmp_path):
    """Without a name only cases are drawn; another seed draws others; files are put together."""
    files = [tmp_path / f"cases{seed}.pt" for seed in (1, 2)]
    for seed, file in enumerate(files, 1):
        given = [
            "--folds",
            "--cases-file",
            str(file),
            "--cases",
            "2",
            "--seed",
            str(seed),
            "--tiny",
        ]
        scripts.train_lesions.main([str(packed), str(tmp_path / "none"), *given])
    assert not list((tmp_path / "none").iterdir())
    first, second = (torch.load(file, weights_only=False)[0][0] for file in files)
    assert first.shape == second.shape
    assert not torch.equal(first, second)
    options = SimpleNamespace(tiny=True, cases=2)
    assert len(scripts.train_lesions.stored_cases(files, None, None, options)) == 4


def test_shading_is_smooth(scripts):
    torch.manual_seed(0)
    shade = scripts.slices.shading(50, (24, 36), torch.device("cpu"))
    assert shade.shape == (50, 3, 1, 24, 36)
    assert 0.03 < torch.log(shade).std() < 0.08
    assert torch.log(shade).diff(dim=-1).abs().max() < 0.08


def test_a_visit_without_its_lesions(scripts, patients):
    """What was lesion is as bright as white matter; fluid and all that is far stay."""
    visit = patients.visits[0]
    before = visit.scans(lambda _: 0)
    after, lesion = patients.without_lesions(visit, before.clone())
    assert not lesion.any()
    white = (visit.anatomy == scripts.scans.WHITE_MATTER) & ~visit.lesion
    for old, new in zip(before, after, strict=True):
        level, spread = old[white].mean(), old[white].std()
        assert (old[visit.lesion].mean() - level).abs() > 5 * spread
        assert (new[visit.lesion].mean() - level).abs() < 0.5 * spread
    far = scripts.fields.blur(visit.lesion[None].float(), 3.0)[0] < 1e-3
    assert torch.equal(before[:, far], after[:, far])


@pytest.fixture
def models(scripts, trainings, tmp_path):
    """Both networks after a few steps, exported.

    So few steps find no brain; the network of structures is told to see white matter all over.
    """
    folder = tmp_path / "models"
    folder.mkdir()
    for kind in ("structures", "lesions"):
        weights = trainings(kind, tmp_path, "--steps", "2")
        if kind == "structures":
            state = torch.load(weights)
            state["head.bias"][WHITE_MATTER] += 50
            torch.save(state, weights)
        scripts.export.export(kind, weights, folder / f"{kind}.onnx")
    return folder


@pytest.mark.parametrize(("kind", "dims"), [("structures", 3), ("lesions", 2)])
def test_exported_as_in_torch(scripts, tmp_path, kind, dims):
    """Probabilities of a fresh network, on another size than it was exported with."""
    torch.manual_seed(4)
    network = {"structures": scripts.network.StructureNetwork}.get(
        kind, scripts.network.LesionNetwork
    )(NARROW)
    with torch.no_grad():
        # So that answers differ by place
        network.head.weight *= {"structures": 5, "lesions": 40}[kind]
    weights, file = tmp_path / "weights.pt", tmp_path / "new/network.onnx"
    torch.save(network.state_dict(), weights)
    scripts.export.export(kind, weights, file)
    images = torch.rand(2, scripts.network.input_channels(dims), *(16, 32, 48)[:dims])
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    with torch.no_grad():
        logits = network.eval()(images)
    ours = (logits.sigmoid() if kind == "lesions" else logits.softmax(1)).numpy()
    assert np.ptp(ours[:, 0]) > 10 * scripts.export.PARITY
    np.testing.assert_allclose(theirs, ours, atol=scripts.export.PARITY)


@pytest.mark.slow
def test_from_training_to_a_visit(models, tmp_path, monkeypatch):
    flair = np.random.default_rng(0).random((64, 66, 70)).astype(np.float32) + 0.5
    find_structures = partial(predict_structures, model=models / "structures.onnx")
    network = LesionNetwork(models / "lesions.onnx")
    anatomy = find_structures({"FLAIR": flair})
    lesion = network.probability({"FLAIR": flair}, anatomy=anatomy, affine=np.eye(4))
    assert anatomy.shape == flair.shape
    assert np.mean(anatomy == WHITE_MATTER) > 0.9
    assert lesion.shape == flair.shape
    assert 0 <= lesion.min() <= lesion.max() <= 1
    assert len(np.unique(lesion)) > 1
    path = tmp_path / "FLAIR.nii.gz"
    nib.save(nib.Nifti1Image(flair, np.diag([1.0, 1, 1, 1])), path)
    monkeypatch.setattr(visit_head, "MIN_BRAIN_ML", 10)
    monkeypatch.setattr(visit_head, "predict_structures", find_structures)
    result = process_visit({"FLAIR": path}, lesion_network=network)
    assert len(result.visits) == 1
