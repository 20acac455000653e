"""The example of a lesion network of one's own, through the whole pipeline."""

import json
from pathlib import Path

import pytest
import visit_phantoms as heads
from job_runs import run_jobs

from mslesion.io.dataset import find_visits
from mslesion.pipeline.dataset.jobs import Outcome, do_job
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.jobs import find_visit_jobs
from mslesion.pipeline.visit.process import process_visit
from mslesion.pipeline.visit.records import part_path, read_record, record_path
from mslesion.segmentation.lesions.choose import find_lesion_network

PIPELINES = Path(__file__).parents[2] / "pipelines"
CHOICE = "other_lesion_network:WhiteMatterOutliers"
SETTINGS = Settings(lesion_network=CHOICE)


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """A visit whose anatomy is known; the folder of the example can be imported from."""
    monkeypatch.syspath_prepend(PIPELINES)
    heads.teach(monkeypatch, heads.head())
    heads.write_bids(tmp_path / "in", heads.head(), modalities=("FLAIR",))
    root, output = tmp_path / "in", tmp_path / "out"
    (job,) = find_visit_jobs(find_visits(root), root=root, output=output, settings=SETTINGS)
    return job


def test_a_visit_by_another_network(dataset, monkeypatch):
    """Its lesions are in the tables, its name and version in all that says where they are from."""
    assert do_job(dataset).state == "done"
    visit, output = dataset.visit, dataset.output
    record = read_record(record_path(output, visit))
    row = record["visits"][0]
    name, version = "white matter outliers", "1, cutoff 3"
    assert (row["segmenter"], row["segmenter_version"]) == (name, version)
    assert record["made_from"]["lesion_network"] == [name, version]
    assert record["made_from"]["settings"]["lesion_network"] == CHOICE
    # The fourth lesion of the phantom lies in the brainstem, which it does not look at
    assert {lesion["location"] for lesion in record["lesions"]} >= {"periventricular", "deep_white"}
    assert row["infratentorial_count"] == 0
    assert row["lesion_threshold"] == 0.5
    sidecar = output / visit.folder / "anat" / f"{visit.name}_space-orig_label-L_mask.json"
    about = json.loads(sidecar.read_text("utf-8"))
    assert (about["Segmenter"], about["SegmenterVersion"]) == (name, version)
    assert about["Manual"] is False
    page = part_path(output, visit).read_text("utf-8")
    assert f"The lesion network {name} (version {version}) gave the lesion probability" in page
    assert "trained on manually outlined" not in page
    # It is done again when its version changes, and only then
    assert do_job(dataset).state == "unchanged"
    monkeypatch.setattr("other_lesion_network.VERSION", "2")
    assert do_job(dataset).state == "done"
    assert read_record(record_path(output, visit))["visits"][0]["segmenter_version"] == (
        "2, cutoff 3"
    )


def test_what_it_requires_is_named(dataset):
    """A given network wins over the settings; without its scan there are no lesions."""
    found = find_lesion_network(CHOICE)
    needs_t2w = type("NeedsT2w", (type(found),), {"required_modalities": ("T2w",)})()
    row = process_visit(dataset.visit, lesion_network=needs_t2w).visits.iloc[0]
    assert "lesion_volume_ml: neither T2w nor lesion mask" in row["empty_because"]
    assert "enhancing_candidate_count: neither T2w nor lesion mask" in row["empty_because"]
    assert row["segmenter"] == "white matter outliers"
    assert row.isna()["lesion_threshold"]


def names_its_network(job):
    """Work of a process of its own."""
    return Outcome(job, find_lesion_network(job.settings.lesion_network).name)


def test_worker_processes_import_it(dataset):
    (outcome,) = run_jobs([dataset], work=names_its_network, n_jobs=2)
    assert outcome.state == "white matter outliers"
