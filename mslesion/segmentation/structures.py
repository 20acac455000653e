"""The structures of the anatomy map: one number and one name each."""

from typing import NamedTuple


class Structure(NamedTuple):
    """One structure of the anatomy map."""

    index: int
    name: str
    is_brain: bool
    """Brain tissue (parenchyma): counted in the brain volume."""


STRUCTURES = (
    Structure(1, "extra-axial CSF", False),
    Structure(2, "cortical grey matter", True),
    Structure(3, "cerebral white matter", True),
    Structure(4, "lateral ventricles", False),
    Structure(5, "choroid plexus", False),
    Structure(6, "third ventricle", False),
    Structure(7, "fourth ventricle", False),
    Structure(8, "thalamus", True),
    Structure(9, "basal ganglia", True),
    Structure(10, "hippocampus and amygdala", True),
    Structure(11, "ventral diencephalon", True),
    Structure(12, "brainstem", True),
    Structure(13, "cerebellar grey matter", True),
    Structure(14, "cerebellar white matter", True),
)
"""Every structure but the background, which is 0."""
