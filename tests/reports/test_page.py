"""The page: escaped, complete, ordered by what needs a look, and its first screen."""

import re

import numpy as np
import pandas as pd
import pytest
from html_values import Page

from mslesion.reports import page
from mslesion.reports import visit_summary as summary
from mslesion.reports.methods import REFERENCES, STEPS, describe
from mslesion.schema import LESIONS, QUALITY, VISITS, as_table
from mslesion.schema.checks import STATES


def visit(**values):
    """A row of the visit table."""
    row = {
        "participant_id": "1", "inputs": "FLAIR;T1w", "flair_dim": "3D", "flair_voxel_mm": "1x1x1",
        "t1_type": "plain", "skull_stripped": False, "segmenter": "mslesion",
        "lesion_volume_ml": 1.25, "lesion_count": 3, "periventricular_count": 2,
        "periventricular_lesion_volume_ml": 1.0,
        "brain_ml": 1100.123456, "quality_state": "warn",
    }  # fmt: skip
    return as_table([row | values], VISITS).iloc[0]


def checks(*states):
    """A quality table with these states."""
    rows = [
        {"participant_id": "1", "check": f"check_{n}", "description": f"check {n}", "state": state,
         "threshold": "<= 3", "value": n / 3}
        for n, state in enumerate(states, start=1)
    ]  # fmt: skip
    return as_table(rows, QUALITY)


def values(html):
    """Text by column."""
    return {column: shown for _, _, column, _, shown in Page(html).found}


def test_first_screen():
    html = summary.summary(visit())
    found = values(html)
    assert (found["lesion_volume_ml"], found["lesion_count"]) == ("1.25", "3")
    assert found["brain_ml"] == "1100"
    assert found["bpf"] == "not assessable"
    assert found["tiv_ml"] == "\N{EN DASH}"
    assert found["periventricular_count"] == "2"
    assert "FLAIR, T1w; FLAIR 3D, voxels 1x1x1 mm; T1w plain; whole head" in html
    assert "! warn" in html
    order = [html.index(text) for text in ("Lesion volume", "Lesions by region", "Brain</h3>")]
    assert order == sorted(order)


def test_reasons_are_told_in_words():
    reasons = "bpf: no skull;tiv_ml: no skull;third_ventricle_width_mm: not seen"
    html = summary.summary(visit(empty_because=reasons))
    text = "Brain parenchymal fraction, Intracranial volume (no skull); Third ventricle, width"
    assert text in html
    assert "Not assessable" not in summary.summary(visit())


def test_all_measures_show_every_column():
    found = values(summary.all_measures(visit()))
    assert list(found) == VISITS.names
    assert found["brain_ml"] == "1100.12"  # as it is written


def test_text_from_outside_is_escaped():
    evil = "<script>alert(1)</script>&"
    row = visit(segmenter=evil, inputs="FLAIR", empty_because=f"bpf: {evil}")
    pieces = [
        summary.summary(row), summary.all_measures(row), page.methods_text(evil, [evil]),
        page.subject_page(evil, [], version=evil), page.folded(evil, "x"),
        page.color_key([(evil, (1, 2, 3))]),
        page.picture(np.zeros((2, 2, 3), np.uint8), evil, evil),
        page.quality_table(checks("warn").assign(detail=pd.array([evil], dtype="string"))),
    ]  # fmt: skip
    for html in pieces:
        assert "<script" not in html
        assert "&lt;script&gt;" in html


def test_quality_table_begins_with_what_needs_a_look():
    html = page.quality_table(checks("pass", "not assessable", "warn", "fail", "pass"))
    assert re.findall(r"<td>(check_\d)</td>", html) == [f"check_{n}" for n in (4, 3, 2, 1, 5)]
    assert "Quality checks: 2 pass, 1 warn, 1 fail, 1 not assessable" in html
    assert html.startswith("<details open>")
    assert '<td class="state fail">\u2717 fail</td>' in html
    assert '<td class="state not">? not assessable</td>' in html
    assert page.quality_table(checks("pass", "not assessable")).startswith("<details><summary>")


def test_every_state_has_a_mark():
    assert set(page.MARKS) == set(STATES)
    assert len({mark[0] for mark in page.MARKS.values()}) == len(STATES)  # told without colour


def test_lesion_table_begins_with_the_largest():
    rows = [{"participant_id": "1", "lesion_id": n, "volume_mm3": v} for n, v in ((1, 5), (2, 9.5))]
    html = page.lesion_table(as_table(rows, LESIONS))
    assert html.index(">9.5<") < html.index(">5<")
    assert page.lesion_table(as_table([], LESIONS)) == ""


def test_folded():
    assert page.folded("t", "") == ""
    assert page.folded("t", "c") == "<details><summary>t</summary>c</details>"
    assert page.folded("t", "c", is_open=True).startswith("<details open>")


def test_no_picture_is_nothing():
    assert page.picture(None, "caption") == ""


def test_document():
    html = page.subject_page("01", ["<p>one</p>", "<p>two</p>"], version="1.2")
    assert html.startswith('<!doctype html><html lang="en">')
    assert html.index("one") < html.index("two") < html.index("mslesion 1.2")
    assert page.RESEARCH_USE[:17] in html
    assert '<meta name="viewport"' in html
    assert "</style>" in html
    assert "overflow-x: auto" in html


def test_keys_name_every_colour():
    assert page.location_key().count('class="color"') == 6
    assert page.structure_key().count('class="color"') == 14


ALL = {"reference": "FLAIR", "threshold": 0.5, "segmenter": "LST-AI", "min_size": "msseg",
       "scheme": "contact", "contact": 2.0, "lesion_modality": "FLAIR",
       "brain_modality": "T1w", "rule": "radial",
    "segmenter_version": "1.2",
    "tools": "SynthSeg",
}  # fmt: skip


def test_methods_number_references_in_order_and_once():
    text, references = describe(["register", "bias", "register"], **ALL)
    assert text == (
        "The other scans were registered rigidly to the FLAIR by mutual information [1]. The "
        "bias field was corrected with N4 [2]. The other scans were registered rigidly to the "
        "FLAIR by mutual information [1]."
    )
    assert [reference.split()[0] for reference in references] == ["Mattes", "Tustison"]


def test_methods_without_references_and_steps():
    text, references = describe(["given mask"], **ALL)
    assert (text, references) == ("Lesions are those of a mask made elsewhere (LST-AI).", [])
    assert describe([]) == ("", [])


@pytest.mark.parametrize("step", STEPS)
def test_every_step_can_be_described(step):
    text, references = describe([step], **ALL)
    assert text.endswith(".")
    assert "{" not in text
    assert len(references) == len(STEPS[step].references)


def test_every_reference_is_used():
    used = {key for sentence in STEPS.values() for key in sentence.references}
    assert used == set(REFERENCES)
