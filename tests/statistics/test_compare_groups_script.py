"""The script on files: what it writes, and how it ends on bad input."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("statsmodels")

SCRIPT = Path(__file__).resolve().parents[2] / "pipelines" / "compare_groups.py"


@pytest.fixture
def main():
    spec = importlib.util.spec_from_file_location("compare_groups_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def study(tmp_path):
    subjects = [f"{n:03d}" for n in range(8)]
    visits = {"participant_id": subjects, "session_id": "1", "lesion_volume_ml": [1, 2, 4, 8] * 2}
    pd.DataFrame(visits).to_csv(tmp_path / "visits.csv", index=False)
    rows = [f"sub-{s}\t{'drug' if n > 3 else 'placebo'}" for n, s in enumerate(subjects)]
    people = tmp_path / "participants.tsv"
    people.write_text("\n".join(["participant_id\tarm", *rows]))
    return tmp_path, people


def test_comparisons_are_written(main, study, capsys):
    folder, people = study
    assert main([str(folder), str(people), "--reference", "placebo"]) == 0
    table = pd.read_csv(folder / "comparisons.csv")
    assert list(table["measure"]) == ["lesion_volume_ml"]
    assert table["estimate"][0] == pytest.approx(1)
    assert table["other_subjects"][0] == 4
    assert "ratio of geometric means" in capsys.readouterr().out
    assert (folder / "comparisons.json").is_file()  # what the columns mean


@pytest.mark.parametrize(
    ("reference", "remove", "message"),
    [("nobody", None, "name another reference"), ("placebo", "visits.csv", "visits.csv")],
)
def test_bad_input_ends_with_2(main, study, capsys, reference, remove, message):
    folder, people = study
    if remove:
        (folder / remove).unlink()
    assert main([str(folder), str(people), "--reference", reference]) == 2
    assert message in capsys.readouterr().err
