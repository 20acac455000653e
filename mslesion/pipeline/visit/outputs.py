"""What a visit leaves behind: maps, its part of the page, and its record."""

from functools import partial
from pathlib import Path

import numpy as np

from mslesion.imaging.threads import together
from mslesion.io.change_files import transform_label, write_transform
from mslesion.io.dataset import Visit
from mslesion.io.derivatives import MapsOfVisit, source_uri, write_maps
from mslesion.io.headers import NO_ORIENTATION
from mslesion.io.nifti import write_bytes
from mslesion.io.tables import rows_of, write_json
from mslesion.pipeline.pair.maps import fine_scan, is_coarse
from mslesion.pipeline.pair.outputs import clear_pairs_of
from mslesion.pipeline.viewer_files import clear_volumes, write_volumes
from mslesion.pipeline.visit.process import VisitResult
from mslesion.pipeline.visit.records import part_path, record_path
from mslesion.reports.methods import describe
from mslesion.reports.parts import Part
from mslesion.reports.viewer.volumes import visit_volumes
from mslesion.reports.visit_pictures import VisitImages, visit_pictures
from mslesion.schema.label_schemes import GIVEN_SOURCE, LABEL_SCHEMES
from mslesion.schema.modalities import FLAIR, T1W
from mslesion.segmentation.anatomy.maps import brain_mask
from mslesion.segmentation.lesions.protocol import PACKAGED


def clear_visit(output: Path, visit: Visit) -> None:
    """Remove what an older run left of a visit and its pairs: no map outlives its tables.

    Parameters
    ----------
    output : Path
        The output dataset.
    visit : Visit
        The visit that is about to be done again.
    """
    record_path(output, visit).unlink(missing_ok=True)  # first: the visit is not finished
    part_path(output, visit).unlink(missing_ok=True)
    clear_volumes(record_path(output, visit))
    clear_pairs_of(output, visit)
    for ours in ("space-orig_*", "from-*_xfm.txt"):
        for path in (output / visit.folder / "anat").glob(f"{visit.name}_{ours}"):
            path.unlink(missing_ok=True)


def write_visit(result: VisitResult, output: Path, *, root: Path, made_from: dict) -> None:
    """Write all files of a visit; the record comes last and says that it is finished.

    Parameters
    ----------
    result : VisitResult
        What was measured.
    output : Path
        The output dataset.
    root : Path
        The input dataset.
    made_from : dict
        The visit's `fingerprint`.
    """
    visit, segmented = result.visit, result.segmented
    sources = [source_uri(path, root) for path in visit.scans.values()]
    row = result.visits.iloc[0]
    fine = None
    if is_coarse(result.affine):
        fine = segmented.working_anatomy, fine_scan(result.prepared.reference_scan)
    maps = MapsOfVisit(
        scan=result.prepared.reference_scan,
        anatomy=result.anatomy,
        anatomy_source=segmented.anatomy_source,
        brain=brain_mask(result.anatomy, result.affine),
        lesion_labels=result.lesion_labels,
        lesions=result.lesions,
        probability=segmented.probability,
        made_by={"Segmenter": row["segmenter"], "SegmenterVersion": str(row["segmenter_version"])},
        fine=fine,
    )
    part, volumes, _ = together(
        partial(visit_part, result),
        partial(
            visit_volumes,
            _shown_scans(result),
            brain=maps.brain,
            anatomy=maps.anatomy,
            lesions=maps.lesion_labels,
            affine=result.affine,
        ),
        partial(write_maps, output / visit.folder / "anat", maps, name=visit.name, sources=sources),
    )
    for name, matrix in result.prepared.transforms.items():
        write_transform(
            matrix, output / visit.folder / "anat", name=visit.name, start=transform_label(name)
        )
    write_bytes(part.to_text().encode(), part_path(output, visit))
    write_volumes(record_path(output, visit), volumes)
    record = {
        "subject": visit.subject,
        "session": visit.session,
        "made_from": made_from,
        "visits": rows_of(result.visits),
        "lesions": rows_of(result.lesions),
        "quality": rows_of(result.quality),
        "transforms": {k: v.tolist() for k, v in result.prepared.transforms.items()},
        "is_oriented": _is_oriented(result),
    }
    write_json(record, record_path(output, visit))


def visit_part(result: VisitResult) -> Part:
    """What a visit leaves for the page of its participant.

    Parameters
    ----------
    result : VisitResult
        What was measured.

    Returns
    -------
    Part
    """
    pictures = visit_pictures(
        VisitImages(
            scans=_shown_scans(result),
            anatomy=result.anatomy,
            lesion_labels=result.lesion_labels,
            lesions=result.lesions,
            affine=result.affine,
            is_oriented=_is_oriented(result),
        )
    )
    methods, references = _methods(result)
    return Part(
        pictures=tuple(pictures),
        methods=methods,
        references=tuple(references),
        settings={name: str(value) for name, value in result.settings.of_visit().items()},
    )


def _shown_scans(result: VisitResult) -> dict[str, np.ndarray]:
    """FLAIR and T1w without their bias fields, on the grid of the maps."""
    corrected = result.segmented.corrected
    names = (FLAIR, result.prepared.t1_name or T1W)
    return {name: corrected[name] for name in names if name in corrected}


def _is_oriented(result: VisitResult) -> bool:
    """Whether left and right are known."""
    has_orientation = NO_ORIENTATION not in result.prepared.reference_scan.warnings
    return has_orientation and not result.segmented.match.is_mirrored


def _methods(result: VisitResult) -> tuple[str, list[str]]:
    """Methods text and references of what really ran."""
    prepared, segmented = result.prepared, result.segmented
    row = result.visits.iloc[0]
    steps = ["register"] if prepared.transforms else []
    steps.append("given anatomy" if segmented.has_given_anatomy else "network")
    if not segmented.reaches_skull:
        steps.append("filled sulci")
    if segmented.lesions is not None:
        steps.append(_lesion_step(result))
    steps.append("bias")
    if segmented.lesions is not None:
        steps += ["lesions", "location"]
    steps.append("volumes")
    if segmented.sees_skull and segmented.reaches_skull:
        steps.append("head size")
    return describe(
        steps,
        reference=prepared.reference,
        threshold=result.settings.lesion_threshold,
        segmenter=row["segmenter"],
        segmenter_version=row["segmenter_version"],
        min_size=result.settings.min_size,
        scheme=result.settings.location_scheme,
        tools=LABEL_SCHEMES[segmented.anatomy_source.removeprefix(GIVEN_SOURCE)].tools,
        contact=result.settings.contact_mm,
    )


def _lesion_step(result: VisitResult) -> str:
    """Which sentence says where the lesions come from."""
    if result.segmented.probability is None:
        return "given mask"
    is_packaged = result.visits["segmenter"].iloc[0] == PACKAGED
    return "own lesions" if is_packaged else "other network"
