"""The sample data: files, facts from outside, truth against maps, and the look of the scans."""

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.affines import apply_affine
from scipy import ndimage as ndi

from mslesion.clinical.ratings import read_ratings
from mslesion.criteria.facts import Facts
from mslesion.criteria.rules.ris import RIS_CRITERIA
from mslesion.criteria.verdicts import evaluate_criterion
from mslesion.imaging.grid import voxel_volume_mm3
from mslesion.io.dataset import find_visits
from mslesion.io.nifti import load_scan
from mslesion.schema import structures as s
from mslesion.schema.modalities import FLAIR, T1W

PROJECT = Path(__file__).resolve().parents[2]
ROOT = PROJECT / "sample_data"
TRUTH = ROOT / "derivatives/truth"
MAX_BYTES = 12_000_000
VISITS = {
    "preclinical": ["01", "02"],
    "progressive": ["01", "02"],
    "relapsing": ["01", "02", "03"],
    "thick": ["01"],
}
PLACES = [(subject, session) for subject, sessions in VISITS.items() for session in sessions]
BOTH = pytest.mark.parametrize(("subject", "session"), PLACES)
ALL_NEIGHBOURS = np.ones((3, 3, 3))


@pytest.fixture(scope="module")
def truth():
    return {
        name: pd.read_csv(TRUTH / f"{name}.tsv", sep="\t")
        for name in ("visits", "lesions", "changes", "lesion_changes")
    }


@pytest.fixture(scope="module")
def ratings():
    return read_ratings(ROOT)


def image_of(subject, session, name, *, truth=False):
    """Data and affine of a scan, or of a map of the truth; axes RAS."""
    folder = (TRUTH if truth else ROOT) / f"sub-{subject}/ses-{session}/anat"
    space = "space-orig_" if truth else ""
    path = folder / f"sub-{subject}_ses-{session}_{space}{name}.nii.gz"
    image = nib.as_closest_canonical(nib.load(path))
    return np.asarray(image.dataobj), image.affine


def rows_of(table, subject, session):
    return table[
        (table.participant_id == f"sub-{subject}") & (table.session_id == f"ses-{session}")
    ]


# Files


def test_visits():
    visits = find_visits(ROOT)
    assert [(v.subject, v.session) for v in visits] == PLACES
    for visit in visits:
        assert set(visit.scans) == {FLAIR, T1W}
        assert not visit.problem
        assert visit.facts.flair_dim == ("2D" if visit.subject == "thick" else "3D")
        assert visit.facts.field_t == 3
        assert visit.facts.t1_contrast is False
        assert visit.facts.scanner_id == "mslesion simulated scanner 1"
    days = {(v.subject, v.session): v.facts.visit_date for v in visits}
    assert days["relapsing", "02"] == date(2020, 5, 12)
    assert {v.subject: (v.facts.age_years, v.facts.sex) for v in reversed(visits)} == {
        "preclinical": (34, "female"), "progressive": (46, "male"), "relapsing": (29, "female"),
        "thick": (41, "female"),
    }  # fmt: skip
    ages = {(v.subject, v.session): v.facts.age_years for v in visits}
    assert (ages["preclinical", "02"], ages["progressive", "02"]) == (35, 48)


def test_scans_load_without_warning():
    for visit in find_visits(ROOT):
        for path in visit.scans.values():
            assert not load_scan(path).warnings


def test_size_readme_and_sources():
    files = [path for path in ROOT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_BYTES
    readme = (ROOT / "README.md").read_text("utf-8")
    for subject in VISITS:
        assert f"`sub-{subject}`" in readme
    for folder in (ROOT, TRUTH):
        description = json.loads((folder / "dataset_description.json").read_text("utf-8"))
        sources = {source["URL"]: source["Version"] for source in description["SourceDatasets"]}
        assert len(sources) >= 3
        assert any("SynthSeg" in url for url in sources)
        assert any("Slicer-LesionSimulator" in url for url in sources)
        assert all("Apache-2.0" in text or "MIT" in text for text in sources.values())


@pytest.mark.parametrize("folder", [ROOT, TRUTH], ids=["raw", "truth"])
def test_bids(folder):
    validator = shutil.which("bids-validator-deno", path=Path(sys.executable).parent)
    if validator is None:
        pytest.skip("bids-validator-deno is not installed")
    done = subprocess.run([validator, "--json", folder], capture_output=True, text=True)
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    assert done.returncode == 0


def test_every_column_is_explained(truth):
    columns = json.loads((TRUTH / "truth.json").read_text("utf-8"))["Columns"]
    assert {name for table in truth.values() for name in table} == set(columns)


# Facts from outside


def test_preclinical_facts(ratings):
    first, second = (ratings.facts_of("preclinical", session) for session in ("01", "02"))
    assert first == {
        "age_years": 34, "sex": "female", "group": "pre-clinical", "incidental": True,
        "other_causes_excluded": True, "progression_12_months": False,
        "visit_date": date(2021, 3, 9), "relapse_count": 0, "contrast_given": False,
    }  # fmt: skip
    # Cord, CSF and contrast agent are not known
    assert second == {**first, "visit_date": date(2022, 3, 8), "age_years": 35}


def test_relapsing_facts(ratings):
    facts = [ratings.facts_of("relapsing", session) for session in VISITS["relapsing"]]
    assert [f["relapse_count"] for f in facts] == [1, 2, 1]
    assert [f["gd_count"] for f in facts] == [1, 2, 1]
    assert [f["cord_count"] for f in facts] == [1, 1, 1]
    for f in facts:
        assert f["contrast_given"] is True
        assert f["optic_nerve_lesion"] is False
        assert f["oligoclonal_bands"] is True
        assert f["incidental"] is False
        assert f["treatment_start_date"] == date(2020, 6, 15)


def test_progressive_facts(ratings):
    facts = [ratings.facts_of("progressive", session) for session in VISITS["progressive"]]
    assert [f["cord_count"] for f in facts] == [2, 3]
    for f in facts:
        assert f["progression_12_months"] is True
        assert f["relapse_count"] == 0
        assert "gd_count" not in f  # no agent was given


def test_thick_facts(ratings):
    facts = ratings.facts_of("thick", "01")
    assert facts["relapse_count"] == 1
    assert not {"cord_count", "gd_count", "oligoclonal_bands"} & set(facts)


# Truth against maps


@BOTH
def test_lesion_map_has_the_volumes(subject, session, truth):
    labels, affine = image_of(subject, session, "seg-lesions_dseg", truth=True)
    voxel_mm3 = voxel_volume_mm3(affine)
    rows = rows_of(truth["lesions"], subject, session).set_index("track")
    assert set(np.unique(labels)) == {0, *rows.index}
    for track, row in rows.iterrows():
        # Half a voxel of rounding, and 4 % for drawing on the scan's grid
        volume_mm3 = np.count_nonzero(labels == track) * voxel_mm3
        assert abs(volume_mm3 - row.volume_mm3) <= 0.51 * voxel_mm3 + 0.04 * row.volume_mm3
        assert ndi.label(labels == track, ALL_NEIGHBOURS)[1] == 1
        centre = apply_affine(affine, np.argwhere(labels == track).mean(0))
        assert np.linalg.norm(centre - row[["x_mm", "y_mm", "z_mm"]].to_numpy(float)) < 1.5
        assert row.equivalent_diameter_mm == pytest.approx(
            (6 * row.volume_mm3 / np.pi) ** (1 / 3), abs=0.01
        )
    mask, _ = image_of(subject, session, "label-L_mask", truth=True)
    assert np.array_equal(mask > 0, labels > 0)


@BOTH
def test_anatomy_map_has_the_volumes(subject, session, truth):
    labels, affine = image_of(subject, session, "seg-anatomy_dseg", truth=True)
    row = rows_of(truth["visits"], subject, session).iloc[0]
    ventricles = (s.LATERAL_VENTRICLES, s.CHOROID_PLEXUS)
    thalamus, third = (s.THALAMUS,), (s.THIRD_VENTRICLE,)
    for name, structures, tolerance in (
        ("tiv_ml", range(1, labels.max() + 1), 0.01),
        ("brain_ml", s.BRAIN, 0.01),
        ("lateral_ventricles_ml", ventricles, 0.05),
        ("third_ventricle_ml", third, 0.10),  # a slit of a voxel or two
        ("thalamus_ml", thalamus, 0.02),
    ):
        volume_ml = np.isin(labels, structures).sum() * voxel_volume_mm3(affine) / 1000
        assert volume_ml == pytest.approx(row[name], rel=tolerance), name


@BOTH
def test_visit_rows_count_their_lesions(subject, session, truth):
    row = rows_of(truth["visits"], subject, session).iloc[0]
    lesions = rows_of(truth["lesions"], subject, session)
    assert row.lesion_count == len(lesions)
    assert row.lesion_volume_ml * 1000 == pytest.approx(lesions.volume_mm3.sum(), abs=1.5)
    for location in ("periventricular", "juxtacortical", "deep_white", "infratentorial"):
        assert row[f"{location}_count"] == (lesions.location == location).sum()


def test_change_rows_follow_from_the_visits(truth):
    visits = truth["visits"].set_index(["participant_id", "session_id"])
    for _, row in truth["changes"].iterrows():
        earlier, later = (
            visits.loc[(row.participant_id, name)] for name in (row.session_from, row.session_to)
        )
        assert row.days == later.days - earlier.days
        # Volumes are rounded to 0.01 ml: 0.005 % of a brain, 2 % of a third ventricle
        for name, volume, tolerance in (
            ("pbvc_pct", "brain_ml", 0.002),
            ("lateral_ventricles_change_pct", "lateral_ventricles_ml", 0.1),
            ("third_ventricle_change_pct", "third_ventricle_ml", 2),
            ("thalamus_change_pct", "thalamus_ml", 0.1),
        ):
            expected = 100 * (later[volume] / earlier[volume] - 1)
            assert row[name] == pytest.approx(expected, abs=tolerance), name
        gained = later.lesion_volume_ml - earlier.lesion_volume_ml
        assert row.lesion_volume_change_ml == pytest.approx(gained, abs=0.002)


def test_events_follow_from_the_lesions(truth):
    """Told again from lesions.tsv alone."""
    lesions = truth["lesions"]
    for _, row in truth["changes"].iterrows():
        before, after = (
            lesions[(lesions.participant_id == row.participant_id) & (lesions.session_id == name)]
            .set_index("track")
            .equivalent_diameter_mm
            for name in (row.session_from, row.session_to)
        )
        growth_mm = (after - before).dropna() / 2
        assert row.new_t2_count == len(set(after.index) - set(before.index))
        assert row.resolved_count == len(set(before.index) - set(after.index))
        assert row.enlarging_count == (growth_mm > 0.85).sum()
        assert row.stable_count == (growth_mm.abs() < 0.5).sum()
        assert row.slowly_expanding_count == ((growth_mm > 0.1) & (growth_mm < 0.5)).sum()


def test_patients_are_what_they_were_made_to_be(truth):
    changes = truth["changes"].set_index(["participant_id", "session_from", "session_to"])
    relapsing = changes.loc[("sub-relapsing", "ses-01", "ses-02")]
    assert relapsing.new_t2_count == 4
    assert relapsing.enlarging_count == 2
    assert relapsing.resolved_count == 1
    progressive = changes.loc[("sub-progressive", "ses-01", "ses-02")]
    assert progressive.new_t2_count == progressive.enlarging_count == 0
    assert progressive.slowly_expanding_count == 3
    assert progressive.pbvc_pct_per_year < -0.8
    assert progressive.thalamus_change_pct < -2
    assert relapsing.pbvc_pct_per_year > -0.4


def test_slow_expansion_is_fast_enough_to_count(truth):
    """Each expands by 8 % a year or more, from which a candidate counts."""
    rows = truth["lesion_changes"].query("slowly_expanding == 'yes'")
    assert len(rows) == 3
    years = truth["changes"].query("participant_id == 'sub-progressive'").days.iloc[0] / 365.25
    rate = 100 * (rows.volume_to_mm3 / rows.volume_from_mm3 - 1) / years
    assert (rate >= 8).all()


def test_preclinical_lesions_are_those_of_an_isolated_syndrome(truth, ratings):
    """With the true counts ris2009 and ris2023 are met at the first visit, by the brain alone."""
    row = rows_of(truth["visits"], "preclinical", "01").iloc[0]
    known = ratings.facts_of("preclinical", "01")
    facts = Facts(
        lesion_count=int(row.lesion_count),
        periventricular_count=int(row.periventricular_count),
        juxtacortical_count=int(row.juxtacortical_count),
        infratentorial_count=int(row.infratentorial_count),
        incidental=known["incidental"],
        other_causes_excluded=known["other_causes_excluded"],
    )
    for criterion in RIS_CRITERIA:
        assert evaluate_criterion(criterion, facts).met is True
    assert rows_of(truth["lesions"], "preclinical", "01").equivalent_diameter_mm.min() > 3


# The look of the scans


@pytest.fixture(scope="module", params=PLACES, ids="_".join)
def looks(request):
    """Median signal of tissues in both scans of a visit, in shares of white matter."""
    subject, session = request.param
    flair, affine = image_of(subject, session, "FLAIR")
    t1, t1_affine = image_of(subject, session, "T1w")
    anatomy, _ = image_of(subject, session, "seg-anatomy_dseg", truth=True)
    lesions, _ = image_of(subject, session, "seg-lesions_dseg", truth=True)
    moves = json.loads((TRUTH / "truth.json").read_text("utf-8"))["Transforms"]
    moves = moves[f"sub-{subject}"][f"ses-{session}"]
    to_t1 = np.linalg.inv(t1_affine) @ moves["T1w"] @ np.linalg.inv(moves["FLAIR"]) @ affine
    t1 = ndi.affine_transform(
        t1.astype(np.float32), to_t1[:3, :3], to_t1[:3, 3], flair.shape, order=1
    )
    healthy = np.where(lesions > 0, 0, anatomy)
    white = ndi.binary_erosion(healthy == s.WHITE_MATTER)
    masks = {
        "cortex": healthy == s.CORTEX,
        "thalamus": ndi.binary_erosion(healthy == s.THALAMUS),
        "ventricle": ndi.binary_erosion(healthy == s.LATERAL_VENTRICLES),
        "lesion": lesions > 0,
    }
    looks = {}
    for suffix, image in (("FLAIR", flair), ("T1w", t1)):
        level = np.median(image[white])
        looks[suffix] = {name: np.median(image[mask]) / level for name, mask in masks.items()}
        looks[suffix]["white_sd"] = image[white].std() / level
    return looks


def test_flair_contrast(looks):
    flair = looks["FLAIR"]
    assert flair["ventricle"] < 0.3  # fluid is dark
    assert 1.03 < flair["cortex"] < 1.4
    assert 0.85 < flair["thalamus"] < 1.25
    assert 1.3 < flair["lesion"] < 2.0
    assert flair["lesion"] > flair["cortex"] + 0.2


def test_t1_contrast(looks):
    """Read through the transforms of truth.json: wrong ones would blur it."""
    t1 = looks["T1w"]
    assert t1["ventricle"] < 0.3
    assert 0.5 < t1["cortex"] < 0.8
    assert 0.65 < t1["thalamus"] < 0.95
    assert t1["ventricle"] < t1["cortex"] < t1["thalamus"] < 1
    assert 0.45 < t1["lesion"] < 0.98


def test_white_matter_is_even_but_not_flat(looks):
    for suffix in ("FLAIR", "T1w"):
        assert 0.02 < looks[suffix]["white_sd"] < 0.15


@pytest.mark.parametrize("suffix", ["FLAIR", "T1w"])
@BOTH
def test_heads_are_whole(subject, session, suffix):
    """Air around the head is blank, and much of the head lies outside the skull."""
    data, affine = image_of(subject, session, suffix)
    assert data.dtype == np.uint8
    assert np.count_nonzero(data == 255) < 0.001 * data.size
    for side in (data[0], data[-1], data[:, 0], data[:, -1], data[..., -1]):
        assert np.count_nonzero(side) < 0.01 * side.size  # an ear may touch
    brain = rows_of(pd.read_csv(TRUTH / "visits.tsv", sep="\t"), subject, session).iloc[0].tiv_ml
    assert np.count_nonzero(data) * voxel_volume_mm3(affine) / 1000 > 1.7 * brain


def test_stored_axes_and_voxels():
    """They differ on purpose: RAS, LAS, PSR, and thick tilted slices."""
    stored = {}
    for visit in find_visits(ROOT):
        image = nib.load(visit.scans[FLAIR])
        size = tuple(round(float(x), 2) for x in image.header.get_zooms())
        stored[visit.subject] = ("".join(nib.aff2axcodes(image.affine)), size)
    assert stored == {
        "preclinical": ("RAS", (1.6, 1.6, 1.6)), "progressive": ("PSR", (1.6, 1.6, 1.6)),
        "relapsing": ("LAS", (1.6, 1.6, 1.6)), "thick": ("LAS", (1.0, 1.0, 3.0)),
    }  # fmt: skip


# The script


@pytest.mark.slow
def test_script_makes_the_same_again(shared_data, tmp_path):
    script = PROJECT / "pipelines/make_sample_data.py"
    subprocess.run([sys.executable, script, shared_data, tmp_path, "thick"], check=True)
    made = sorted(path for path in tmp_path.rglob("*thick*") if path.is_file())
    assert len(made) == 13
    for path in made:
        there = ROOT / path.relative_to(tmp_path)
        if path.suffix == ".gz":
            assert np.array_equal(nib.load(path).dataobj, nib.load(there).dataobj), there
            assert np.array_equal(nib.load(path).affine, nib.load(there).affine), there
        else:
            assert path.read_bytes() == there.read_bytes(), there
