"""What the comparison of two visits finds in this very patient, when the truth is known.

A synthetic follow-up of the patient's own baseline goes through the same comparison as
the real one. Its figures stand next to the counts of the patient: of ten new lesions
that were put in, how many were found, and how many were found that were not there.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.resampling import resample
from mslesion.imaging.shape import equivalent_diameter_mm
from mslesion.longitudinal.alignment.placing import VisitMaps
from mslesion.longitudinal.calibration.synthetic_followup import (
    CONTRACTION_PCT,
    NEW_DIAMETERS_MM,
    SyntheticFollowUp,
    make_follow_up,
)
from mslesion.longitudinal.comparison import PairComparison
from mslesion.longitudinal.lesions import tracks as t
from mslesion.longitudinal.lesions.changes import DEFAULT_RULE, NEW
from mslesion.longitudinal.lesions.sizes import ENLARGING, SHRINKING, detection_floor_mm
from mslesion.longitudinal.pair import compare_maps
from mslesion.segmentation.lesions.instances import DEFAULT_MIN_SIZE
from mslesion.segmentation.lesions.protocol import LesionSegmenter
from mslesion.segmentation.lesions.threshold import THRESHOLD

UNTOUCHED, FALSE_NEW, BRAIN = "untouched", "false_new", "brain_volume"


@dataclass(frozen=True, slots=True)
class Recovery:
    """Of one kind of change: how many were made, and how many were found."""

    item: str
    made: int
    recovered: int | None
    """None if the pair could not be compared."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was made in a patient's synthetic follow-up, and what was found."""

    recoveries: tuple[Recovery, ...]
    """New lesions by size, enlarging, shrinking, and untouched ones that stay so."""
    false_new: int | None
    """Lesions called new that were not made."""
    false_enlarging: int | None
    """Untouched lesions called enlarging."""
    false_shrinking: int | None
    made_brain_pct: float
    recovered_brain_pct: float | None
    """PBVC, as measured; None if it could not be."""
    reason: str
    """Why the lesions of the pair could not be compared; empty if they could."""
    resegmented: bool
    """Whether the follow-up was segmented anew; else its maps are the true ones, with
    errors of the border only."""

    def rows(self) -> list[dict]:
        """Rows of calibration.csv, without subject and session.

        Returns
        -------
        list of dict
        """
        note = self.reason or ("" if self.resegmented else "lesion masks given, not segmented")
        false = {ENLARGING: self.false_enlarging, SHRINKING: self.false_shrinking}
        rows = [
            {
                "item": one.item,
                "made_count": one.made,
                "recovered_count": one.recovered,
                "false_count": false.get(one.item),
                "note": note,
            }
            for one in self.recoveries
        ]
        rows.append({"item": FALSE_NEW, "false_count": self.false_new, "note": note})
        rows.append(
            {
                "item": BRAIN,
                "made_pct": self.made_brain_pct,
                "recovered_pct": self.recovered_brain_pct,
                "note": "" if self.recovered_brain_pct is not None else "not measured",
            }
        )
        return rows


def calibrate(
    visit: VisitMaps,
    *,
    rule: str = DEFAULT_RULE,
    seed: int = 0,
    lesion_network: LesionSegmenter | None = None,
    threshold: float = THRESHOLD,
    min_size: str = DEFAULT_MIN_SIZE,
) -> Calibration:
    """Run the comparison on a synthetic follow-up of a visit, whose change is known.

    Parameters
    ----------
    visit : VisitMaps
        The patient's baseline, with FLAIR and lesions.
    rule : str
        Which rule says what is enlarging.
    seed : int
        Of the follow-up's places, sizes, motion and noise; the same seed gives the same
        figures.
    lesion_network : LesionSegmenter, optional
        Finds the lesions of the follow-up anew, and the structure network its structures.
        Without it the follow-up's lesion map is the true one with errors of the border, as
        a rater's: then nothing is said about lesions that a segmentation misses.
    threshold : float
        From this lesion probability on (inclusive) a voxel is lesion, as in the visit.
    min_size : str
        Rule of the smallest lesion, as in the visit.

    Returns
    -------
    Calibration

    Raises
    ------
    StepError
        If the visit has no FLAIR, no lesion map or no white matter.

    References
    ----------
    The idea is of lesiontrack and mscard (C. Conday); the code is ours.
    """
    made = make_follow_up(
        visit,
        rng=np.random.default_rng(seed),
        lesion_network=lesion_network,
        threshold=threshold,
        min_size=min_size,
    )
    found = compare_maps(visit, made.visit, rule=rule, is_one_head=True)
    return score(found, made, resegmented=lesion_network is not None)


def score(
    pair: PairComparison, made: SyntheticFollowUp, *, resegmented: bool = False
) -> Calibration:
    """How much of a synthetic follow-up's change a comparison found.

    Parameters
    ----------
    pair : PairComparison
        Baseline against the follow-up.
    made : SyntheticFollowUp
        What is different in it.
    resegmented : bool
        Whether the follow-up was segmented anew.

    Returns
    -------
    Calibration
    """
    kinds = list(made.new_sizes.values())
    counts = {name: kinds.count(name) for name in NEW_DIAMETERS_MM}
    counts |= {ENLARGING: len(made.grown), SHRINKING: len(made.shrunk)}
    counts[UNTOUCHED] = len(made.untouched)
    brain = None if pair.brain.volumes is None else pair.brain.volumes.brain_pct
    if pair.lesions.changes is None:
        recoveries = tuple(Recovery(name, count, None) for name, count in counts.items())
        return Calibration(
            recoveries, None, None, None, CONTRACTION_PCT, brain, pair.lesions.reason, resegmented
        )
    found, false_new = _new_found(pair, made)
    hits = {name: sum(made.new_sizes[n] == name for n in found) for name in NEW_DIAMETERS_MM}
    called = {name: _called(pair, name) for name in (ENLARGING, SHRINKING)}
    untouched = set(made.untouched)
    resolved = _numbers(r for r in pair.lesions.changes.rows if r["change"] == t.RESOLVED)
    # A lesion under the floor that outgrew its earlier self by ten times is called new
    called[ENLARGING] |= _numbers(
        r for r in pair.lesions.changes.rows if r["change"] == t.NEW and not r["is_under_floor"]
    )
    hits[ENLARGING] = len(called[ENLARGING] & set(made.grown))
    hits[SHRINKING] = len(called[SHRINKING] & set(made.shrunk))
    hits[UNTOUCHED] = len(untouched - called[ENLARGING] - called[SHRINKING] - resolved)
    return Calibration(
        recoveries=tuple(Recovery(name, count, hits[name]) for name, count in counts.items()),
        false_new=false_new,
        false_enlarging=len(called[ENLARGING] & untouched),
        false_shrinking=len((called[SHRINKING] | resolved) & untouched),
        made_brain_pct=CONTRACTION_PCT,
        recovered_brain_pct=brain,
        reason="",
        resegmented=resegmented,
    )


def _new_found(pair: PairComparison, made: SyntheticFollowUp) -> tuple[set[int], int]:
    """Made lesions that were called new, and how many pieces were called so by error."""
    place = pair.lesions.aligned.placed
    to, to_baseline = place.frame.grid, place.to_reference[0]
    there = resample(made.new, made.grid.affine, to=to, transform=to_baseline, order=0)
    gained = resample(made.gained, made.grid.affine, to=to, transform=to_baseline, order=0)
    gained = ndi.binary_dilation(gained, iterations=2)
    floor = detection_floor_mm(place.thickest_mm)
    pieces, _ = ndi.label(pair.lesions.changes.change_map == NEW, np.ones((3, 3, 3)))
    found, false = set(), 0
    for number, box in enumerate(ndi.find_objects(pieces), start=1):
        piece = pieces[box] == number
        # Smaller ones are in no count of the patient either
        if equivalent_diameter_mm(float(np.count_nonzero(piece))) < floor - 1e-6:
            continue
        found |= set(np.unique(there[box][piece]).tolist()) - {0}
        false += not gained[box][piece].any()
    return found, false


def _called(pair: PairComparison, size_change: str) -> set[int]:
    """Lesions of the baseline that are in a count."""
    return _numbers(
        row
        for row in pair.lesions.changes.rows
        if row["size_change"] == size_change and not row["is_under_floor"]
    )


def _numbers(rows) -> set[int]:
    """Lesions of the baseline in some rows."""
    return {int(n) for row in rows for n in (row["lesions_from"] or "").split("+") if n}
