"""Settings: defaults, TOML, flags over it, and every value that cannot be."""

from dataclasses import asdict, fields

import pytest

from mslesion.cli import build_parser
from mslesion.errors import SettingsError
from mslesion.pipeline.settings import Settings, read_settings
from mslesion.schema import VISITS


def test_defaults_are_the_named_constants():
    assert read_settings() == Settings()
    assert asdict(Settings()) == {
        "lesion_network": "mslesion", "lesion_threshold": 0.5, "min_size": "clinical3mm",
        "location_scheme": "contact", "contact_mm": 2.0, "skull_stripped": "auto",
        "anatomy_labels": "auto", "prefer": "", "resample_masks": False,
        "change_rule": "radial", "calibrate": False, "viewer": True,
    }  # fmt: skip
    assert set(asdict(Settings())) == {item.name for item in fields(Settings)}


def test_given_values_win_over_the_file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('contact_mm = 3\nmin_size = "msseg"\nresample_masks = true\n')
    settings = read_settings(path, contact_mm=1.5, prefer=None)
    assert (settings.contact_mm, settings.min_size) == (1.5, "msseg")
    assert settings.resample_masks is True
    assert read_settings(path).contact_mm == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"contact": 1}, r"The setting 'contact' does not exist, but anatomy_labels, calibrate, c"),
        ({"change_rule": "any"}, r"The setting change_rule is 'any', but it can be radial, pct, "),
        ({"calibrate": "yes"}, r"The setting calibrate is 'yes', but a bool is expected"),
        ({"lesion_network": 1}, r"The setting lesion_network is 1, but a str is expected\."),
        ({"contact_mm": "2"}, r"The setting contact_mm is '2', but a float is expected\."),
        ({"contact_mm": True}, r"The setting contact_mm is True, but a float is expected\."),
        ({"contact_mm": -0.1}, r"The setting contact_mm is -0\.1, but 0 to 20 is expected\."),
        ({"contact_mm": 20.1}, r"but 0 to 20 is expected"),
        ({"lesion_threshold": float("nan")}, r"is nan, but 0\.01 to 0\.99 is expected"),
        ({"lesion_threshold": 0}, r"The setting lesion_threshold is 0\.0, but 0\.01 to 0\.99 is"),
        ({"lesion_threshold": 1.0}, r"is 1\.0, but 0\.01 to 0\.99 is expected\. Correct its value"),
        ({"min_size": "tiny"}, r"The setting min_size is 'tiny', but it can be clinical3mm, "),
        ({"location_scheme": ""}, r"The setting location_scheme is '', but it can be contact, "),
        ({"skull_stripped": "maybe"}, r"but it can be auto, yes, no\. Choose one of them\."),
        (
            {"anatomy_labels": "aseg"},
            r"is 'aseg', but it can be auto, freesurfer, dlmuse, ",
        ),
        ({"resample_masks": 1}, r"The setting resample_masks is 1, but a bool is expected"),
    ],
)
def test_values_that_cannot_be(values, message):
    with pytest.raises(SettingsError, match=message):
        read_settings(**values)


def test_what_matters_between_visits_is_not_of_a_visit():
    changed = Settings(change_rule="pct", calibrate=True, viewer=False)
    assert changed.of_visit() == Settings().of_visit()
    assert set(asdict(changed)) - set(changed.of_visit()) == {
        "change_rule", "calibrate", "viewer",
    }  # fmt: skip


@pytest.mark.parametrize("value", [0, 0.0, 20, 20.0])
def test_limits_are_inclusive(value):
    assert read_settings(contact_mm=value).contact_mm == value


def test_one_meaning_of_the_threshold():
    """The setting, the help of the command and the column say the same."""
    assert read_settings(lesion_threshold=0.01).lesion_threshold == 0.01
    assert read_settings(lesion_threshold=0.99).lesion_threshold == 0.99
    (setting,) = (item for item in fields(Settings) if item.name == "lesion_threshold")
    meaning = setting.metadata["text"]
    (option,) = (one for one in build_parser()._actions if one.dest == "lesion_threshold")
    assert option.help == f"{meaning} (0.01 to 0.99; default: 0.5)"
    (column,) = (one for one in VISITS.columns if one.name == "lesion_threshold")
    assert column.description == f"{meaning[0].upper()}{meaning[1:]}."


@pytest.mark.parametrize("content", [b"contact_mm: 3", b"\xff\xfe", None])
def test_files_that_are_no_toml(tmp_path, content):
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"settings.toml cannot be read \(.+\), but a TOML"):
        read_settings(path)
