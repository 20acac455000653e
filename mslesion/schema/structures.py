"""The structures of the anatomy map: one number and one name each."""

from typing import NamedTuple

FLUID, GREY, WHITE = "fluid", "grey", "white"
"""What a structure counts as in the volumes."""


class Structure(NamedTuple):
    """One structure of the anatomy map."""

    number: int
    name: str
    kind: str
    """`FLUID`, `GREY` or `WHITE`; brainstem and ventral diencephalon count as white."""


STRUCTURES = (
    Structure(1, "extra-axial CSF", FLUID),
    Structure(2, "cortical grey matter", GREY),
    Structure(3, "cerebral white matter", WHITE),
    Structure(4, "lateral ventricles", FLUID),
    Structure(5, "choroid plexus", FLUID),
    Structure(6, "third ventricle", FLUID),
    Structure(7, "fourth ventricle", FLUID),
    Structure(8, "thalamus", GREY),
    Structure(9, "basal ganglia", GREY),
    Structure(10, "hippocampus and amygdala", GREY),
    Structure(11, "ventral diencephalon", WHITE),
    Structure(12, "brainstem", WHITE),
    Structure(13, "cerebellar grey matter", GREY),
    Structure(14, "cerebellar white matter", WHITE),
)
"""Every structure but the background, which is 0."""

EXTRA_AXIAL_CSF = 1
CORTEX = 2
WHITE_MATTER = 3
LATERAL_VENTRICLES = 4
CHOROID_PLEXUS = 5
THIRD_VENTRICLE = 6
FOURTH_VENTRICLE = 7
THALAMUS = 8
BASAL_GANGLIA = 9
HIPPOCAMPUS_AMYGDALA = 10
VENTRAL_DIENCEPHALON = 11
BRAINSTEM = 12
CEREBELLAR_GREY = 13
CEREBELLAR_WHITE = 14


def indices(*kinds: str) -> tuple[int, ...]:
    """Numbers of the structures of these kinds.

    Parameters
    ----------
    *kinds : {"fluid", "grey", "white"}
        What the structures count as.

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> indices(GREY)
    (2, 8, 9, 10, 13)
    """
    return tuple(s.number for s in STRUCTURES if s.kind in kinds)


BRAIN = indices(GREY, WHITE)
"""Parenchyma: everything that counts in the brain volume."""
LATERAL_VENTRICLES_AND_PLEXUS = (LATERAL_VENTRICLES, CHOROID_PLEXUS)
"""The lateral ventricles with the plexus, which lies in them."""
VENTRICLES = (*LATERAL_VENTRICLES_AND_PLEXUS, THIRD_VENTRICLE, FOURTH_VENTRICLE)
"""All fluid inside the brain."""
DEEP_GREY = (THALAMUS, BASAL_GANGLIA)
LESION_TISSUE = (*indices(WHITE), *DEEP_GREY)
"""Where lesions are common: white matter, brainstem and deep grey matter."""
