"""Tissues of the synthetic head: relaxation times, and what they count as.

T1 and T2 (ms, between 1.5 and 3 T) and proton density are round figures of the
usual literature (Wansapura 1999, Stanisz 2005); the generator spreads them.
"""

from typing import NamedTuple


class Tissue(NamedTuple):
    """One tissue of the generator."""

    name: str
    t1_ms: float
    t2_ms: float
    density: float
    structure: int
    """Number of the structure in the anatomy map (0: background)."""
    level: float = 0.0
    """Grey level used to register the label maps to MNI."""

    @property
    def is_brain(self):
        """Inside the brain, ventricles included."""
        return self.structure > 1


TISSUES = (
    Tissue("air", 1000, 10, 0.0, 0),
    Tissue("white", 850, 75, 0.70, 3, 1.0),
    Tissue("cortex", 1350, 95, 0.82, 2, 0.6),
    Tissue("lateral ventricle", 4000, 1500, 1.0, 4, 0.15),
    Tissue("third ventricle", 4000, 1500, 1.0, 6, 0.15),
    Tissue("fourth ventricle", 4000, 1500, 1.0, 7, 0.8),
    Tissue("choroid plexus", 2200, 200, 0.92, 5, 0.15),
    Tissue("thalamus", 1100, 82, 0.77, 8, 0.6),
    Tissue("caudate", 1250, 85, 0.80, 9, 0.6),
    Tissue("putamen", 1200, 80, 0.80, 9, 0.6),
    Tissue("pallidum", 950, 62, 0.75, 9, 0.6),
    Tissue("accumbens", 1300, 88, 0.81, 9, 0.6),
    Tissue("hippocampus", 1400, 100, 0.83, 10, 0.6),
    Tissue("amygdala", 1380, 98, 0.83, 10, 0.6),
    Tissue("ventral diencephalon", 1000, 78, 0.75, 11, 0.8),
    Tissue("brainstem", 980, 82, 0.75, 12, 0.8),
    Tissue("cerebellar cortex", 1300, 95, 0.82, 13, 0.8),
    Tissue("cerebellar white", 850, 80, 0.71, 14, 0.8),
    Tissue("hypointense white", 1100, 110, 0.78, 3, 1.0),
    Tissue("csf", 4000, 1500, 1.0, 1, 0.15),
    Tissue("artery", 1600, 50, 0.5, 1, 0.15),
    Tissue("vein", 1600, 60, 0.7, 1, 0.0),
    Tissue("csf outside", 4000, 1500, 1.0, 0),
    Tissue("artery outside", 1600, 50, 0.5, 0),
    Tissue("vein outside", 1600, 60, 0.7, 0),
    Tissue("optic nerve", 1000, 80, 0.75, 0),
    Tissue("spinal cord", 950, 80, 0.75, 0),
    Tissue("soft tissue", 900, 50, 0.80, 0),
    Tissue("muscle", 1300, 40, 0.75, 0),
    Tissue("skin", 500, 70, 0.85, 0),
    Tissue("eye", 3500, 900, 1.0, 0),
    Tissue("mucosa", 1700, 110, 0.85, 0),
    Tissue("cortical bone", 900, 15, 0.06, 0),
    Tissue("marrow", 450, 70, 0.55, 0),
)

FREESURFER_TO_TISSUE = {
    2: "white", 41: "white", 3: "cortex", 42: "cortex",
    4: "lateral ventricle", 5: "lateral ventricle", 43: "lateral ventricle",
    44: "lateral ventricle", 14: "third ventricle", 15: "fourth ventricle",
    136: "choroid plexus", 137: "choroid plexus", 163: "choroid plexus",
    164: "choroid plexus", 10: "thalamus", 49: "thalamus", 11: "caudate",
    50: "caudate", 12: "putamen", 51: "putamen", 13: "pallidum", 52: "pallidum",
    26: "accumbens", 58: "accumbens", 17: "hippocampus", 53: "hippocampus",
    18: "amygdala", 54: "amygdala", 28: "ventral diencephalon",
    60: "ventral diencephalon", 16: "brainstem", 8: "cerebellar cortex",
    47: "cerebellar cortex", 7: "cerebellar white", 46: "cerebellar white",
    25: "hypointense white", 57: "hypointense white", 24: "csf", 502: "artery",
    30: "artery", 62: "artery", 514: "vein", 530: "optic nerve",
    85: "optic nerve", 512: "spinal cord", 507: "soft tissue", 508: "muscle",
    511: "skin", 506: "eye", 509: "mucosa", 515: "cortical bone", 516: "marrow",
}  # fmt: skip


def tissue_number(name):
    """Position of a tissue in `TISSUES`."""
    return next(i for i, tissue in enumerate(TISSUES) if tissue.name == name)


CSF_OUTSIDE = tissue_number("csf outside")
