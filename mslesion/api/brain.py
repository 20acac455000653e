"""Volumes of the brain and its parts from an anatomy map."""

from __future__ import annotations  # signatures then name `Image`, not all its forms

import pandas as pd

from mslesion.api.anatomy import read_anatomy
from mslesion.io.images import Image
from mslesion.measures.registry import MEASURES
from mslesion.measures.visit_context import VisitContext
from mslesion.schema import as_table
from mslesion.schema.brain import BRAIN
from mslesion.schema.prerequisites import GIVEN_ANATOMY, reasons_for_empty
from mslesion.segmentation.anatomy.label_maps import AUTO, Mapped, fill_sulci, reaches_skull
from mslesion.segmentation.anatomy.midplane import find_midplane


def measure_brain(anatomy: Image, *, anatomy_labels: str | Mapped = AUTO) -> pd.DataFrame:
    """Measure the brain and its parts in a label map.

    Parameters
    ----------
    anatomy : path, nibabel image, or tuple of ((I, J, K) array, (4, 4) array)
        Label map of a head on voxels of about 1 mm.
    anatomy_labels : {"auto", "freesurfer", "dlmuse", "mslesion"} or mapping
        Numbering of the map; a mapping takes each label to the name or number of one of our
        structures.

    Returns
    -------
    DataFrame
        One row with the columns of `mslesion.schema.brain.BRAIN`: those of ``visits.csv``
        on the brain. What the map does not hold is empty; ``empty_because`` says why.
        Intracranial volume and CSF need the CSF around the brain in the map.

    Raises
    ------
    ImageError, GeometryError, MaskError
        If the label map cannot be used.
    SettingsError
        If the numbering or a structure of the mapping does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((40, 40, 40), np.int16)
    >>> labels[5:35, 5:35, 5:35] = 3  # 27 ml of cortex, of which 8 ml are white matter
    >>> labels[10:30, 10:30, 10:30] = 2
    >>> row = measure_brain((labels, np.eye(4)), anatomy_labels="freesurfer").iloc[0]
    >>> row["brain_ml"].item(), row["white_matter_ml"].item()
    (27.0, 8.0)
    """
    structures, affine = read_anatomy(anatomy, anatomy_labels)
    has_csf = reaches_skull(structures)
    if not has_csf:
        structures = fill_sulci(structures, affine)
    visit = VisitContext(
        affine=affine,
        anatomy=structures,
        working_anatomy=structures,
        working_affine=affine,
        midplane=find_midplane(structures, affine),
        sees_skull=True,
        reaches_skull=has_csf,
    )
    measured = {name: value for measure in MEASURES for name, value in measure(visit).items()}
    columns = [column for column in BRAIN.columns if column.group]
    row = {column.name: measured.get(column.name) for column in columns}
    reasons = reasons_for_empty(row, columns, unmet=visit.unmet, searched=GIVEN_ANATOMY)
    return as_table([row | {"empty_because": reasons or None}], BRAIN)
