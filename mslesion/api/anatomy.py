"""Label maps of the anatomy, made by this or another tool."""

import numpy as np

from mslesion.io.images import Image, name_of, read_labels
from mslesion.segmentation.anatomy.label_maps import Mapped, to_structures


def read_anatomy(image: Image, scheme: str | Mapped) -> tuple[np.ndarray, np.ndarray]:
    """Read a label map of the anatomy as structures of mslesion.

    Parameters
    ----------
    image : image
        In the forms of `read_labels`.
    scheme : str or mapping
        Numbering of its labels, as for
        `mslesion.segmentation.anatomy.label_maps.to_structures`.

    Returns
    -------
    anatomy : (I, J, K) uint8 array
        Numbers of `mslesion.schema.structures.STRUCTURES`, axes turned to RAS.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Raises
    ------
    ImageError, GeometryError, MaskError, SettingsError
        As for `read_labels` and `to_structures`.
    """
    labels, affine = read_labels(image, name="anatomy")
    return to_structures(labels, scheme, name=name_of(image, "anatomy")), affine
