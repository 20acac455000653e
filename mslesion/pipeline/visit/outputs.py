"""What a visit leaves behind: maps, its part of the page, and its record."""

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from nibabel.affines import apply_affine

from mslesion.imaging.grid import spacing_mm
from mslesion.io.change_files import transform_label, write_transform
from mslesion.io.dataset import Visit
from mslesion.io.derivatives import LOCATION_INDEX, MapsOfVisit, source_uri, write_maps
from mslesion.io.headers import NO_ORIENTATION
from mslesion.io.nifti import write_bytes
from mslesion.io.tables import rows_of, write_json
from mslesion.pipeline.pair.maps import fine_scan, is_coarse
from mslesion.pipeline.pair.outputs import clear_pairs_of
from mslesion.pipeline.visit.process import VisitResult
from mslesion.pipeline.visit.records import part_path, record_path
from mslesion.reports import figures, page
from mslesion.reports.methods import describe
from mslesion.reports.visit_summary import all_measures, summary
from mslesion.schema.label_schemes import GIVEN_SOURCE, LABEL_SCHEMES
from mslesion.schema.modalities import FLAIR, T1W
from mslesion.schema.structures import STRUCTURES
from mslesion.segmentation.anatomy.maps import brain_mask
from mslesion.segmentation.lesions.protocol import PACKAGED

LESIONS_LOOK_FOR = (
    "Axial, coronal and sagittal slices. R: the patient's right is on the left; A: anterior. "
    "Check that every outline surrounds a lesion, and that every lesion has an outline."
)


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
    write_maps(output / visit.folder / "anat", maps, name=visit.name, sources=sources)
    for name, matrix in result.prepared.transforms.items():
        write_transform(
            matrix, output / visit.folder / "anat", name=visit.name, start=transform_label(name)
        )
    write_bytes(visit_part(result).encode(), part_path(output, visit))
    record = {
        "subject": visit.subject,
        "session": visit.session,
        "made_from": made_from,
        "visits": rows_of(result.visits),
        "lesions": rows_of(result.lesions),
        "quality": rows_of(result.quality),
        "transforms": {k: v.tolist() for k, v in result.prepared.transforms.items()},
    }
    write_json(record, record_path(output, visit))


def visit_part(result: VisitResult) -> str:
    """A visit's part of the subject's page.

    Parameters
    ----------
    result : VisitResult
        What was measured.

    Returns
    -------
    str
        HTML.
    """
    segmented, prepared = result.segmented, result.prepared
    row = result.visits.iloc[0]
    spacing = spacing_mm(result.affine)
    inside = result.anatomy > 0
    images = {
        name: figures.gray(segmented.corrected[name], inside)
        for name in (FLAIR, prepared.t1_name or T1W)
        if name in segmented.corrected
    }
    is_oriented = NO_ORIENTATION not in prepared.reference_scan.warnings
    is_oriented &= not segmented.match.is_mirrored
    marks = figures.LEFT_MARKS if is_oriented else figures.UNKNOWN_MARKS
    shown = {"inside": inside, "spacing": spacing, "marks": marks}
    first = next(iter(images.values()))
    date = "" if pd.isna(row["visit_date"]) else f", {row['visit_date']}"
    heading = ("Visit" if pd.isna(row["session_id"]) else row["session_id"]) + date
    parts = [f"<section><h2>{escape(heading)}</h2>", summary(row)]
    parts.append(page.quality_table(result.quality))
    if result.lesion_labels is not None:
        places = [0, *(LOCATION_INDEX.get(p, 0) for p in result.lesions["location"].fillna(""))]
        numbers = np.array(places, np.uint8)[result.lesion_labels]
        colors = {LOCATION_INDEX[name]: c for name, c in figures.LOCATION_COLORS.items()}
        pictures = []
        for name, image in images.items():
            drawn = figures.overview(image, numbers, colors, **shown)
            pictures.append(page.picture(drawn, f"Lesions on {name}", LESIONS_LOOK_FOR))
        centres = result.lesions[["x_mm", "y_mm", "z_mm"]].to_numpy(float)
        tiles = figures.lesion_tiles(
            first,
            result.lesion_labels,
            result.lesions.to_dict("records"),
            voxels=apply_affine(np.linalg.inv(result.affine), centres) if len(centres) else centres,
            spacing=spacing,
        )
        caption = f"Every lesion (the {figures.MAX_TILES} largest at most)"
        look_for = "Axial slices, plain and outlined, with number, volume and region of the lesion."
        parts += [pictures[0], page.location_key(), *pictures[1:]]
        parts.append(page.picture(tiles, caption, look_for))
    colors = {part.number: figures.STRUCTURE_COLORS[part.number] for part in STRUCTURES}
    drawings = [
        page.picture(
            figures.overview(image, result.anatomy, colors, **shown),
            f"Anatomy on {name}",
            "Check that the outlines follow the borders in the scan.",
        )
        for name, image in images.items()
    ]
    parts += [*drawings, page.structure_key(), page.lesion_table(result.lesions)]
    parts += [all_measures(row), _methods(result)]
    settings = ", ".join(f"{k} = {v}" for k, v in result.settings.of_visit().items())
    parts.append(f'<p class="note">Settings: {escape(settings)}</p></section>')
    return "".join(parts)


def _methods(result: VisitResult) -> str:
    """Methods text of what really ran."""
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
    text, references = describe(
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
    return page.methods_text(text, references)


def _lesion_step(result: VisitResult) -> str:
    """Which sentence says where the lesions come from."""
    if result.segmented.probability is None:
        return "given mask"
    is_packaged = result.visits["segmenter"].iloc[0] == PACKAGED
    return "own lesions" if is_packaged else "other network"
