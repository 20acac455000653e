"""What a lesion network must return, how it is chosen, and the rules it has by default."""

import re
import sys
from types import ModuleType

import numpy as np
import pytest

from mslesion.errors import SettingsError, StepError
from mslesion.schema import structures as s
from mslesion.segmentation.lesions.choose import find_lesion_network
from mslesion.segmentation.lesions.network import HASH_DIGITS, LesionNetwork
from mslesion.segmentation.lesions.protocol import LesionSegmenter, lesion_probability
from mslesion.segmentation.onnx_models import content_hash, packaged_model

SHAPE = (4, 5, 6)
ANATOMY = np.full(SHAPE, s.WHITE_MATTER, np.uint8)


class Constant(LesionSegmenter):
    """Returns one array."""

    name, version, required_modalities = "constant", "1", ("FLAIR", "T1w")

    def __init__(self, given=0.0):
        self.given = given

    def probability(self, scans, *, anatomy, affine):
        return self.given


def run(given, scans=("FLAIR", "T1w")):
    scans = {name: np.ones(SHAPE) for name in scans}
    return lesion_probability(Constant(given), scans, anatomy=ANATOMY, affine=np.eye(4))


@pytest.mark.parametrize("dtype", [bool, np.float16, np.float64])
def test_any_type_of_number_is_a_probability(dtype):
    found = run(np.ones(SHAPE, dtype))
    assert found.dtype == np.float32
    assert (found == 1).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 5)), r"network constant returned an array of shape \(4, 5\), but its scans "
                           r"have \(4, 5, 6\)\. Return"),
        (0.5, r"of shape \(\), but"),
        (np.full(SHAPE, np.nan), r"constant returned 120 values that are not finite, but"),
        (np.full(SHAPE, -0.001), r"constant returned values from -0\.001 to -0\.001, but prob"),
        (np.full(SHAPE, 1.001), r"values from 1\.001 to 1\.001, but probabilities of 0 to 1 are"),
    ],
)  # fmt: skip
def test_what_is_no_probability(given, message):
    with pytest.raises(StepError, match=message):
        run(given)


def test_a_scan_that_is_required():
    message = r"The visit has FLAIR, but the lesion network constant requires T1w\. Add the scan"
    with pytest.raises(StepError, match=message):
        run(np.zeros(SHAPE), scans=("FLAIR",))


def test_the_default_mask_is_a_plain_threshold():
    """Inclusive, inside the anatomy map; fluid is not looked at and nothing must be surer."""
    anatomy = ANATOMY.copy()
    anatomy[0], anatomy[1] = 0, s.LATERAL_VENTRICLES
    probability = np.zeros(SHAPE, np.float32)
    probability[:3, 0, 0] = 0.5
    probability[3, 0, 0] = np.nextafter(np.float32(0.5), np.float32(0))
    found = Constant().mask(
        probability, anatomy=anatomy, flair=None, spacing_mm=(1.0, 1.0, 1.0), threshold=0.5
    )
    assert found.mask.dtype == bool
    assert found.mask[:, 0, 0].tolist() == [False, True, True, False]
    assert found.mask.sum() == 2
    assert found.removed_count == 0
    assert not found.removed.any()


def test_the_packaged_network():
    network = find_lesion_network("mslesion")
    assert network == LesionNetwork()
    assert network.name == "mslesion"
    digits = content_hash(packaged_model("lesions.onnx"))[:HASH_DIGITS]
    assert re.fullmatch(rf"[\d.]+\w*\+{digits}", network.version)


def test_a_model_file_is_named_by_its_content(tmp_path):
    """The same model elsewhere is the same version; another is another."""
    path = tmp_path / "lesions.onnx"
    path.write_bytes(packaged_model("lesions.onnx").read_bytes())
    network = find_lesion_network(str(path))
    assert network.version == LesionNetwork().version
    other = tmp_path / "other.onnx"
    other.write_bytes(b"other")
    assert LesionNetwork(other).version != network.version


def test_a_model_file_that_is_not_there(tmp_path):
    with pytest.raises(
        SettingsError, match=r"none\.onnx is no file, but an ONNX model is expected"
    ):
        LesionNetwork(tmp_path / "none.onnx").version  # noqa: B018


def probability_of(path):
    scans = {"FLAIR": np.ones(SHAPE)}
    return LesionNetwork(path).probability(scans, anatomy=ANATOMY, affine=np.eye(4))


def test_a_file_that_is_no_model(tmp_path):
    path = tmp_path / "odd.onnx"
    path.write_bytes(b"odd")
    with pytest.raises(SettingsError, match=r"odd\.onnx cannot be read \(.+\), but an ONNX model"):
        probability_of(path)


def test_a_model_of_something_else():
    message = r"structures\.onnx has the input scans, but slices is expected, as the model"
    with pytest.raises(SettingsError, match=message):
        probability_of(packaged_model("structures.onnx"))


@pytest.fixture
def module(monkeypatch):
    """A module that can be imported by its name, `own_networks`."""
    module = ModuleType("own_networks")
    module.Constant, module.instance, module.make = Constant, Constant(1.0), lambda: Constant(2.0)
    module.number = 5
    module.incomplete = type("Incomplete", (), {"name": "n", "version": "1"})
    module.greedy = type("Greedy", (Constant,), {"required_modalities": ("PD",)})
    monkeypatch.setitem(sys.modules, "own_networks", module)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(("attribute", "given"), [("Constant", 0), ("instance", 1), ("make", 2)])
def test_a_class_an_instance_or_a_function(attribute, given):
    assert find_lesion_network(f"own_networks:{attribute}").given == given


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("own_networks", r"lesion network is 'own_networks', but mslesion, a file that ends in"),
        (":Constant", r"is ':Constant', but"),
        ("own_networks:", r"is 'own_networks:', but"),
        ("", r"is '', but"),
        ("no_such_module:x", r"cannot be imported \(No module named 'no_such_module'\), but a mod"),
        ("own_networks:no", r"cannot be imported \(module 'own_networks' has no attribute 'no'\)"),
        ("own_networks:number", r"'own_networks:number' has no 'name', but each has name, version"),
        ("own_networks:incomplete", r"has no 'required_modalities', but each has .+\. Add it\."),
        ("own_networks:greedy", r"requires a scan 'PD', but a network is given FLAIR, T1w, T2w\."),
    ],
)
def test_what_is_no_lesion_network(choice, message):
    with pytest.raises(SettingsError, match=message):
        find_lesion_network(choice)
