"""Label numbers of other tools, and the structure of the anatomy map that each one becomes.

Sources of the numbers and names:

- FreeSurfer: ``FreeSurferColorLUT.txt`` (github freesurfer/freesurfer, ``distribution``), which
  SAMSEG, SynthSeg (``data/labels table.txt`` of github BBillot/SynthSeg; 24 is its CSF around the
  brain) and FastSurfer (``FastSurferCNN/config`` of github Deep-MI/FastSurfer) use too.
- DLMUSE: ``MUSE_ROI_complete_list.csv`` of github CBICA/NiChart_DLMUSE; the optic chiasm, 69, is
  in its maps but not in its list, and has the number of the Neuromorphometrics protocol.

The assignment to structures was made for mslesion; rows that are not obvious give the reason.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mslesion.schema import structures as s

BACKGROUND = 0
"""Structure number of labels that are left out."""
OWN_SOURCE, GIVEN_SOURCE = "mslesion", "given: "
"""Source of an anatomy map that our network found, and start of that of a given one; the name of
its scheme follows."""


class LabelGroup(NamedTuple):
    """Labels of a scheme that become one structure."""

    structure: int
    """Number of the structure; `BACKGROUND` for labels that are left out."""
    numbers: tuple[int, ...]
    meaning: str
    """What the scheme calls them."""
    reason: str = ""
    """Why they are left out, or why they become this structure, where that is not plain."""


class LabelScheme(NamedTuple):
    """How the labels of one family of tools are numbered."""

    name: str
    tools: str
    """Tools that number their labels so."""
    groups: tuple[LabelGroup, ...]
    expected: frozenset[int] = frozenset()
    """Labels that every map of a whole head has, by which the scheme is recognised; empty for
    a scheme that is never recognised by its numbers."""

    @property
    def structures(self) -> Mapping[int, int]:
        """Number of the structure by label."""
        return {number: group.structure for group in self.groups for number in group.numbers}


def _run(first: int, last: int, *but: int) -> tuple[int, ...]:
    """Whole numbers from first to last, both included, but a few."""
    return tuple(number for number in range(first, last + 1) if number not in but)


FREESURFER = LabelScheme(
    "freesurfer",
    "FreeSurfer (aseg, aparc+aseg, wmparc), FastSurfer, SynthSeg, SAMSEG",
    (
        LabelGroup(BACKGROUND, (0,), "background", "nothing is named there"),
        LabelGroup(BACKGROUND, (85,), "optic chiasm", "outside the brain, not a structure of "
                                                      "mslesion"),
        LabelGroup(BACKGROUND, (29, 61), "undetermined", "no tissue is named"),
        LabelGroup(
            BACKGROUND, (165, 258, 259), "skull, soft tissue, eye fluid (SAMSEG)",
            "outside the brain",
        ),
        LabelGroup(s.EXTRA_AXIAL_CSF, (24, 257), "CSF"),
        LabelGroup(
            s.EXTRA_AXIAL_CSF, (30, 62), "vessels",
            "full of fluid; mslesion's own network was trained to call them CSF",
        ),
        LabelGroup(
            s.CORTEX,
            (3, 42, *_run(1000, 1035, 1004), *_run(2000, 2035, 2004)),
            "cortex, and its parcels in aparc+aseg, DKT and SynthSeg",
        ),
        LabelGroup(
            s.CORTEX, (*_run(11100, 11175), *_run(12100, 12175)), "cortex parcels of aparc.a2009s"
        ),
        LabelGroup(s.WHITE_MATTER, (2, 41), "cerebral white matter"),
        LabelGroup(
            s.WHITE_MATTER,
            (*_run(3000, 3035), *_run(4000, 4035), *_run(13100, 13175), *_run(14100, 14175),
             5001, 5002),
            "white matter parcels of wmparc",
        ),
        LabelGroup(
            s.WHITE_MATTER, (192, 250, *_run(251, 255), 1004, 2004), "corpus callosum, fornix",
            "tracts of the cerebral white matter",
        ),
        LabelGroup(
            s.WHITE_MATTER, (77, 78, 79), "white matter hypointensities",
            "white matter includes its lesions",
        ),
        LabelGroup(
            s.WHITE_MATTER, (80, 81, 82), "hypointensities elsewhere",
            "a few voxels of no named structure; FastSurfer counts them as 77",
        ),
        LabelGroup(
            s.WHITE_MATTER, (25, 57, 99), "lesions", "white matter includes its lesions"
        ),
        LabelGroup(s.LATERAL_VENTRICLES, (4, 5, 43, 44), "lateral ventricles, inferior horns too"),
        LabelGroup(
            s.LATERAL_VENTRICLES, (72,), "fifth ventricle",
            "the space in the septum between the lateral ventricles",
        ),
        LabelGroup(s.CHOROID_PLEXUS, (31, 63), "choroid plexus"),
        LabelGroup(s.THIRD_VENTRICLE, (14,), "third ventricle"),
        LabelGroup(s.FOURTH_VENTRICLE, (15,), "fourth ventricle"),
        LabelGroup(s.THALAMUS, (10, 49), "thalamus"),
        LabelGroup(
            s.BASAL_GANGLIA, (11, 12, 13, 26, 50, 51, 52, 58),
            "caudate, putamen, pallidum, accumbens",
        ),
        LabelGroup(s.HIPPOCAMPUS_AMYGDALA, (17, 18, 53, 54), "hippocampus, amygdala"),
        LabelGroup(s.VENTRAL_DIENCEPHALON, (28, 60), "ventral diencephalon"),
        LabelGroup(
            s.VENTRAL_DIENCEPHALON, (27, 59), "substantia nigra",
            "part of the ventral diencephalon where it has no label of its own",
        ),
        LabelGroup(s.BRAINSTEM, (16,), "brainstem"),
        LabelGroup(s.CEREBELLAR_GREY, (8, 47), "cerebellar cortex"),
        LabelGroup(s.CEREBELLAR_WHITE, (7, 46), "cerebellar white matter"),
    ),
    frozenset((4, 7, 8, 10, 12, 14, 16, 17, 28, 43, 46, 47, 49, 51, 53, 60)),
)  # fmt: skip

DLMUSE = LabelScheme(
    "dlmuse",
    "DLMUSE (NiChart), MUSE",
    (
        LabelGroup(BACKGROUND, (0,), "background", "outside the intracranial space"),
        LabelGroup(BACKGROUND, (69,), "optic chiasm", "outside the brain, not a structure of "
                                                      "mslesion"),
        LabelGroup(s.EXTRA_AXIAL_CSF, (1, 46), "CSF around the brain"),
        LabelGroup(
            s.CORTEX,
            _run(100, 207, 110, 111, 126, 127, 130, 131, 158, 159, 188, 189),
            "gyri and other parts of the cortex",
        ),
        LabelGroup(s.WHITE_MATTER, _run(81, 88), "white matter of the lobes"),
        LabelGroup(
            s.WHITE_MATTER, _run(89, 95), "fornix, internal capsule, corpus callosum",
            "tracts of the cerebral white matter; 93 and 94 reach into the cerebral peduncles",
        ),
        LabelGroup(s.LATERAL_VENTRICLES, _run(49, 52), "lateral ventricles, inferior horns too"),
        LabelGroup(s.THIRD_VENTRICLE, (4,), "third ventricle"),
        LabelGroup(s.FOURTH_VENTRICLE, (11,), "fourth ventricle"),
        LabelGroup(s.THALAMUS, (59, 60), "thalamus"),
        LabelGroup(
            s.BASAL_GANGLIA, (23, 30, 36, 37, 55, 56, 57, 58),
            "caudate, putamen, pallidum, accumbens",
        ),
        LabelGroup(s.HIPPOCAMPUS_AMYGDALA, (31, 32, 47, 48), "hippocampus, amygdala"),
        LabelGroup(s.VENTRAL_DIENCEPHALON, (61, 62), "ventral diencephalon"),
        LabelGroup(
            s.VENTRAL_DIENCEPHALON, (75, 76), "basal forebrain",
            "lies beside it, and MUSE's basal ganglia leave it out; 0.6 ml of grey matter a side",
        ),
        LabelGroup(s.BRAINSTEM, (35,), "brainstem"),
        LabelGroup(s.CEREBELLAR_GREY, (38, 39, 71, 72, 73), "cerebellar cortex, vermis"),
        LabelGroup(s.CEREBELLAR_WHITE, (40, 41), "cerebellar white matter"),
    ),
    frozenset((1, 4, 11, 35, 38, 39, 40, 41, 47, 48, 51, 52, 59, 60, *_run(81, 88))),
)  # fmt: skip

OWN = LabelScheme(
    "mslesion",
    "the anatomy maps that mslesion writes",
    (
        LabelGroup(BACKGROUND, (0,), "background"),
        *(LabelGroup(one.number, (one.number,), one.name) for one in s.STRUCTURES),
    ),
)
"""Never recognised by its numbers: 1 to 14 are numbers of many other atlases too."""

LABEL_SCHEMES: Mapping[str, LabelScheme] = MappingProxyType(
    {scheme.name: scheme for scheme in (FREESURFER, DLMUSE, OWN)}
)
"""The schemes by name."""
