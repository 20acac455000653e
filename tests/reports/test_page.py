"""Rooms of a visit, pictures, checks and methods: complete, ordered by what needs a look."""

import numpy as np
import pytest
from interpreted import page_of, rooms_of, tables

from mslesion.reports.marks import STATE_WORDS
from mslesion.reports.methods import REFERENCES, STEPS, describe
from mslesion.reports.participant.page import KEYS, Pair, participant_page
from mslesion.reports.participant.visit_room import checks_of, visit_room
from mslesion.reports.parts import (
    FIRST,
    LESIONS,
    LOCATED,
    UNLOCATED,
    Part,
    part_from,
    picture,
)
from mslesion.reports.templating import RESEARCH_USE
from mslesion.schema import LESIONS as LESION_TABLE
from mslesion.schema import QUALITY, VISITS, as_table
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


def room(row, lesions=(), **parts):
    return visit_room(
        row,
        lesions=as_table(list(lesions), LESION_TABLE),
        checks=checks("pass"),
        part=Part(**parts),
    )


def shown(measures):
    return {one.value.column: one.value.shown or one.reason for one in measures}


def test_measures_of_a_visit():
    found = room(visit())
    assert shown(found.lesion_measures)["lesion_volume_ml"] == "1.25"
    assert shown(found.lesion_measures)["lesion_count"] == "3"
    assert shown(found.brain_measures)["brain_ml"] == "1100"
    assert shown(found.brain_measures)["bpf"] == ""
    assert {one.name: one.count.shown for one in found.regions}["periventricular"] == "2"
    assert found.technique == (
        "FLAIR, T1w; FLAIR 3D, voxels 1x1x1 mm; T1w plain; scanner not known; whole head; "
        "lesions by mslesion"
    )
    assert found.has_lesion_map


def test_reasons_are_told_in_words():
    reasons = "bpf: no skull;tiv_ml: no skull;third_ventricle_width_mm: not seen"
    found = room(visit(empty_because=reasons))
    assert found.missing == (
        ("no skull", "Brain parenchymal fraction, Intracranial volume"),
        ("not seen", "Third ventricle, width"),
    )
    assert shown(found.brain_measures)["bpf"] == "no skull"
    assert room(visit()).missing == ()


def test_all_measures_show_every_column():
    ((_, values),) = room(visit()).all_measures.rows
    assert [one.column for one in values] == VISITS.names
    assert {one.column: one.shown for one in values}["brain_ml"] == "1100.12"  # as it is written


def test_checks_begin_with_what_needs_a_look():
    found = checks_of(checks("pass", "not assessable", "warn", "fail", "pass"))
    assert found.title == "2 pass, 1 warn, 1 fail, 1 not assessable"
    assert found.needs_look
    states = [
        next(v.written for v in values if v.column == "state") for _, values in found.table.rows
    ]
    assert states == ["fail", "warn", "not assessable", "pass", "pass"]
    assert not checks_of(checks("pass", "not assessable")).needs_look
    assert checks_of(checks()) is None


def test_checks_are_open_if_one_needs_a_look():
    found = tables() | {QUALITY.name: checks("pass", "warn").assign(session_id="ses-2")}
    found[QUALITY.name]["participant_id"] = "sub-01"
    html = page_of(found)
    assert "<details open><summary>ses-2, 2020-01-02: 1 pass, 1 warn</summary>" in html
    assert 'class="state warn" data-column="state" data-value="warn">! warn</td>' in html
    assert "check 2" in rooms_of(html)["quality"].text


def test_every_state_has_a_mark():
    assert set(STATE_WORDS) == set(STATES)
    assert len({mark[0] for mark in STATE_WORDS.values()}) == len(STATES)  # told without colour


def test_lesion_table_begins_with_the_largest():
    rows = [{"participant_id": "1", "lesion_id": n, "volume_mm3": v} for n, v in ((1, 5), (2, 9.5))]
    found = room(visit(), rows).lesions
    assert [row.key for row, _ in found.rows] == ["sub-1||2", "sub-1||1"]
    assert "participant_id" not in [head.name for head in found.heads]
    assert room(visit()).lesions is None


def a_picture(kind, caption, **words):
    return picture(np.zeros((4, 6, 3), np.uint8), kind, caption=caption, **words)


def test_pictures_have_words_size_and_key():
    evil = "<script>alert(1)</script>"
    part = Part(
        pictures=(
            a_picture(FIRST, "FLAIR, axial slice 3", key="location", place=2),
            a_picture(LESIONS, "Lesions on FLAIR", words=evil, look_for=evil, key="location"),
            a_picture(LESIONS, "Lesions on T1w", key="location"),
        ),
        methods=evil,
        references=(evil,),
        settings={"min_size": evil},
    )
    html = page_of(tables(), parts={"2": part})
    assert "Slices with most lesion" in html
    assert 'alt="FLAIR, axial slice 3" width="6" height="4" src="data:image/jpeg' in html
    assert 'alt="&lt;script&gt;alert(1)&lt;/script&gt;"' in html
    assert "<script" not in html
    # A key of six colours on the first screen, and one for both pictures below
    assert html.split("</style>")[1].count('class="color" style') == 6 + 6 + 2 * 6
    assert "There are no pictures of this visit." not in html
    assert "There are no pictures of this visit." in page_of(tables())


def test_lesions_that_changed_stand_first():
    found = tables()
    changed = [a_picture(FIRST, f"{n} new", key="location", has_change=True) for n in range(8)]
    slices = [a_picture(FIRST, f"slice {9 - n}", place=9 - n) for n in range(6)]
    html = participant_page(
        "01",
        found,
        visits={"1": Part(), "2": Part(pictures=tuple(slices))},
        pairs=[Pair("1", "2", Part(pictures=tuple(changed), bigger_count=20))],
        version="1",
    )
    first = html.split('<section id="lesions"')[0]
    assert first.count(" new</figcaption>") == 6
    assert "14 more below" in first  # of 20, also of those without a picture
    assert "(the 40 largest changes at most)" in first
    # The three with most lesion, from foot to head
    alts = [text.split('"')[0] for text in first.split('alt="slice ')[1:]]
    assert alts == ["7", "8", "9"]


@pytest.mark.parametrize(("key", "count"), [(LOCATED, 0), (UNLOCATED, 1)])
def test_the_key_names_lesions_without_a_location_only_where_they_are(key, count):
    part = Part(pictures=(a_picture(FIRST, "slice", key=key), a_picture(LESIONS, "all", key=key)))
    rooms = rooms_of(page_of(tables(), parts={"2": part}))
    for room in ("overview", "lesions"):
        assert rooms[room].text.count("location not assessable") == count


def test_a_part_is_read_as_it_was_written():
    part = Part(pictures=(a_picture(FIRST, "one"),), methods="m", references=("r",))
    assert part_from(part.to_text()) == part
    assert part.of(FIRST)[0].words == "one"
    assert part.of(LESIONS) == ()
    with pytest.raises(KeyError):
        part_from("{}")


def test_document():
    html = page_of(tables())
    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert RESEARCH_USE[:17] in html
    assert '<meta name="viewport"' in html
    assert "mslesion 1.2" in html


def test_keys_name_every_colour():
    assert [len(KEYS[name]) for name in ("location", "structure", "change")] == [6, 14, 5]


def test_regions_say_once_a_row_why_they_are_empty():
    names = [name for name in VISITS.names if "periventricular" in name]
    why = ";".join(f"{name}: voxels longer than 5 mm" for name in names)
    found = room(visit(empty_because=why, **dict.fromkeys(names))).regions
    assert found[0].reason == "voxels longer than 5 mm"
    assert {one.reason for one in found[1:]} == {""}


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
