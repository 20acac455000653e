"""Between arrays with RAS affines and SimpleITK images, which speak LPS.

Every filter whose sum depends on the number of threads is run on one thread
(`one_thread`), so that the same input gives the same bits every time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import SimpleITK as sitk

from mslesion.imaging.grid import nearest_rotation

_LOCK = threading.Lock()
_COUNTS: list[int] = []
"""Number of threads that each open context of `one_thread` found."""
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""World axes of ITK (left, back, head) in those of nibabel (right, front, head)."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run all of ITK on one thread for as long as the context lasts.

    A filter's own number of threads is not enough: the parts it is made of, such as
    the mutual information of a registration, take the default of the whole program,
    and their sums then differ in the last digits from run to run. Contexts of several
    threads may overlap: the last one that ends gives the number back.
    """
    with _LOCK:
        _COUNTS.append(sitk.ProcessObject.GetGlobalDefaultNumberOfThreads())
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        with _LOCK:
            before = _COUNTS.pop()
            if not _COUNTS:
                sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def to_itk(data: np.ndarray, affine: np.ndarray) -> sitk.Image:
    """SimpleITK image of an array.

    Parameters
    ----------
    data : (I, J, K) array
        bool is stored as uint8, other numbers as they are.
    affine : (4, 4) array
        Voxel-to-world matrix in mm, RAS+. Shear, which ITK does not know, is
        replaced by the nearest rotation.

    Returns
    -------
    SimpleITK.Image
    """
    data = data.astype(np.uint8) if data.dtype == bool else data
    matrix = LPS @ np.asarray(affine, np.float64)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T))
    image.SetSpacing(spacing.tolist())
    image.SetDirection(nearest_rotation(matrix[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    return image


def from_itk(image: sitk.Image) -> np.ndarray:
    """Array of a SimpleITK image, axes in the order of its affine.

    Parameters
    ----------
    image : SimpleITK.Image
        In 3D.

    Returns
    -------
    (I, J, K) array
    """
    return np.ascontiguousarray(sitk.GetArrayViewFromImage(image).T)


def to_itk_transform(matrix: np.ndarray) -> sitk.AffineTransform:
    """SimpleITK transform of a world matrix.

    Parameters
    ----------
    matrix : (4, 4) array
        From points of the output to points of the input, in mm, RAS+.

    Returns
    -------
    SimpleITK.AffineTransform
    """
    lps = LPS @ matrix @ LPS
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    return transform


def from_itk_transform(transform: sitk.Transform) -> np.ndarray:
    """World matrix of a linear SimpleITK transform.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Rigid or affine.

    Returns
    -------
    (4, 4) array
        Same direction as the transform, in mm, RAS+.
    """
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    lps = np.eye(4)
    for axis in range(3):
        point = [0.0, 0.0, 0.0]
        point[axis] = 1.0
        lps[:3, axis] = np.array(transform.TransformPoint(point)) - origin
    lps[:3, 3] = origin
    return LPS @ lps @ LPS
