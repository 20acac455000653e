"""visits.csv: one row per visit."""

from mslesion.schema.checks import STATES
from mslesion.schema.columns import (
    COUNT,
    DERIVED,
    FLAG,
    GIVEN,
    NUMBER,
    PARTICIPANT,
    SESSION_OF_ROW,
    SETTING,
    TEXT,
    Column,
    Table,
    described,
)
from mslesion.schema.label_schemes import GIVEN_SOURCE, LABEL_SCHEMES, OWN_SOURCE
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.prerequisites import LESIONS, PLAIN_T1W, SKULL, T1_INDEX

OURS = "mslesion"

USES = {
    "glance": "boxes on top of a visit's page",
    "lesion table": "table of the lesions' look and share there",
    "brain table": "table of the brain there",
    "histogram": "histograms of a cohort's page",
    "curve": "curves over the visits",
    "slope": "comparison of groups by slopes over the visits",
}
"""Where a biomarker can be shown or compared besides the tables, in the order of the columns."""
_ENHANCEMENT = (
    "whole_brain", "lesion_map", "fitting_t1w_after_contrast", "t1w_after_contrast", *PLAIN_T1W,
    "comparable_white_matter", "fitting_mask",
)  # fmt: skip


_FROM_LESIONS = (
    "From the lesion map, which the lesion network drew or which was given, on the grid of the "
    "FLAIR."
)
_FROM_LOCATION = (
    "Each lesion of the lesion map has one class, by its contact with the structures of the "
    "anatomy map."
)
_FROM_T1 = (
    "From T1w voxels of the lesion map, scaled so that the median of normal-appearing white "
    "matter is 1 and that of the cortex is 0."
)
_FROM_ENHANCEMENT = (
    "From the difference of the T1w after and before contrast agent, near the lesion map, against "
    "that in other white matter."
)
_FROM_ANATOMY = (
    "From the anatomy map, which the structure network drew or which was given: voxels of the "
    "structure multiplied by the voxel volume."
)

_WHO = described(
    GIVEN,
    Column("visit_date", TEXT, "Date of the visit (ISO 8601), if known."),
    Column("age_years", NUMBER, "Age at the visit, as stated or by date of birth.", "year",
           label="Age"),
    Column("sex", TEXT, "As given in the tables of the dataset.",
           levels={"female": "female", "male": "male", "other": "other"}),
    Column("scanner_id", TEXT,
           "Scanner as a table names it, else manufacturer, model and serial number of the "
           "sidecar."),
    Column("field_t", NUMBER, "Magnetic field strength.", "T"),
    Column("flair_dim", TEXT, "2D or 3D acquisition, according to the sidecar or the voxel shape.",
           levels={"2D": "slices", "3D": "volume"}, requires=("flair",)),
    Column("flair_voxel_mm", TEXT, "Voxel size of the FLAIR.", "mm", requires=("flair",),
           method="Read from the header of the scan."),
    Column("inputs", TEXT,
           "Scans that were used, separated by semicolons; T1wGd is T1w after contrast agent.",
           empty_when="never"),
    Column("scan_choice", TEXT,
           "Which scan was taken of each modality that has several, which were not, and why; "
           "joined by semicolons.", method=DERIVED, empty_when="no modality has several scans"),
    Column("t1_type", TEXT, "Whether the T1w was acquired after contrast agent.",
           levels={"plain": "before or without", "contrast": "after",
                   "unknown": "neither the file name nor the sidecar says so"},
           requires=("t1w",)),
    Column("brain_coverage", TEXT,
           "Whether the scan shows the whole brain. If not, what depends on all of it is empty: "
           "volumes and the load, counts and means of lesions. lesions.csv lists the lesions seen.",
           levels={"whole": "at most 40 cm2 of brain are cut off, not counting the brainstem",
                   "partial": "more is cut off"},
           method="From the check brain_cut_off_cm2.", empty_when="never"),
    Column("skull_stripped", FLAG, "Whether the scans were already skull-stripped.",
           method="From the signal of the scan around the brain.", empty_when="never"),
    empty_when="no file of the dataset states it",
)  # fmt: skip

_METHOD = described(
    SETTING,
    Column("anatomy_source", TEXT,
           "What named the structures: mslesion, or a given label map and the scheme of its "
           "numbers.",
           levels={OWN_SOURCE: "the structure network", **{
               f"{GIVEN_SOURCE}{scheme.name}": f"label map: {scheme.tools}"
               for scheme in LABEL_SCHEMES.values()}}),
    Column("segmenter", TEXT,
           "What drew the lesions: mslesion, another lesion network, or a given mask."),
    Column("segmenter_version", TEXT,
           "Its version, where known; mslesion's ends with the start of the network file's hash.",
           empty_when="it is not known"),
    Column("lesion_threshold", NUMBER,
           "Lesion probability at which the rules of the lesion network cut the mask; a lower one "
           "never gives a smaller mask.", empty_when="no lesion network drew the lesions"),
    Column("min_size", TEXT, "Name of the rule for the minimum lesion size."),
    Column("location_scheme", TEXT, "Name of the rule for the location classes."),
)  # fmt: skip

_LOAD = described(
    _FROM_LESIONS,
    Column("lesion_volume_ml", NUMBER, "Volume of all lesions of at least the minimum size.",
           "mL", "Filippi 1999, AJNR 20:133",
           label="Lesion volume", uses=("glance", "histogram", "curve", "slope")),
    Column("lesion_volume_unfiltered_ml", NUMBER, "Volume of all lesions of any size.", "mL",
           label="Lesion volume, any size"),
    Column("lesion_count", COUNT, "Number of lesions, each a 26-connected component.",
           label="Lesions", uses=("glance", "histogram", "curve")),
    Column("lesion_count_centers", COUNT,
           "Number of lesions if confluent lesions are split at their centres.",
           source="Dworkin 2018, PMC5895493",
           label="Lesions, confluent split", requires=(*LESIONS, "thin_slices_for_centers"),
           uses=("glance",)),
    Column("lesion_count_under_5mm", COUNT, "Components of less than 5 mm equivalent diameter."),
    Column("lesion_count_5_10mm", COUNT, "Components of 5 mm or more and less than 10 mm."),
    Column("lesion_count_10_20mm", COUNT, "Components of 10 mm or more and less than 20 mm."),
    Column("lesion_count_over_20mm", COUNT, "Components of 20 mm or more."),
    Column("lesion_volume_normalised_ml", NUMBER,
           "Lesion volume multiplied by head_scaling_ratio.", "mL",
           label="Lesion volume, scaled to head size",
           requires=(*LESIONS, *SKULL)),
    Column("lesion_volume_tiv_pct", NUMBER,
           "Lesion volume divided by intracranial volume.", "percent",
           label="Lesion volume per intracranial volume",
           requires=(*LESIONS, *SKULL), uses=("lesion table",)),
    Column("lesion_burden_white_matter_pct", NUMBER,
           "Lesion volume in white matter divided by white matter volume, which includes lesions.",
           "percent",
           label="Lesion volume per white matter volume",
           requires=(*LESIONS, "white_matter"), uses=("lesion table",)),
    group="load", requires=LESIONS,
)  # fmt: skip

_LOCATION = described(
    _FROM_LOCATION,
    *(column
    for one in LOCATION_CLASSES
    for column in (
        Column(one.count_column, COUNT, f"Number of {one.words} lesions.",
               source="Thompson 2018, 10.1016/S1474-4422(17)30470-2"),
        Column(one.volume_column, NUMBER, f"Volume of {one.words} lesions.", "mL"),
    )),
    group="location", requires=(*LESIONS, "thin_slices"),
)  # fmt: skip

_LOOK = described(
    _FROM_T1,
    Column("t1_hypointense_volume_ml", NUMBER,
           "Volume of lesion voxels that are at least as dark as cortex on T1w (t1_index "
           "<= 0).", "mL",
           "Eur Radiol 2026, 10.1007/s00330-026-12577-6",
           label="T1-dark lesion volume", requires=(*LESIONS, *T1_INDEX),
           uses=("glance", "curve")),
    Column("t1_t2_lesion_ratio", NUMBER,
           "T1-hypointense volume divided by lesion volume.",
           source="Moodie 2012, PMC3319060",
           label="T1-dark volume per lesion volume",
           requires=(*LESIONS, *T1_INDEX, "lesion", "enough_lesion"), uses=("lesion table",)),
    Column("t1_index_mean", NUMBER, "Mean T1 index of lesion voxels, which is 1 in white and 0 "
                                    "in grey matter.",
           source=OURS,
           label="T1 index (1 white, 0 grey)", requires=(*LESIONS, *T1_INDEX, "lesion"),
           uses=("lesion table",)),
    Column("flair_z_mean", NUMBER,
           "Mean FLAIR of lesion voxels above normal-appearing white matter, in its robust "
           "standard deviations (1.4826 MAD).",
           source=OURS,
           label="FLAIR above white matter, robust SDs",
           method="From FLAIR voxels of the lesion map and of normal-appearing white matter.",
           requires=(*LESIONS, "flair", "lesion", "flair_spread"), uses=("lesion table",)),
    Column("enhancing_candidate_count", COUNT,
           "Places near lesions that became brighter after contrast agent. They "
           "are candidates to inspect, not a count of enhancing lesions.", source=OURS,
           label="Candidates for enhancing lesions", requires=_ENHANCEMENT,
           method=_FROM_ENHANCEMENT),
    Column("enhancing_candidate_volume_ml", NUMBER, "Their volume.", "mL", OURS,
           requires=_ENHANCEMENT, method=_FROM_ENHANCEMENT),
    group="look", requires=LESIONS,
)  # fmt: skip

_BRAIN = described(
    _FROM_ANATOMY,
    Column("tiv_ml", NUMBER, "Total intracranial volume.", "mL",
           label="Intracranial volume", requires=("whole_brain", *SKULL),
           uses=("brain table",)),
    Column("head_scaling_ratio", NUMBER,
           "Intracranial volume of the MNI152 head divided by that of this head (v-scaling).",
           source="Smith 2002, 10.1006/nimg.2002.1040",
           label="Head scaling", requires=("whole_brain", *SKULL), has_course=False),
    Column("brain_ml", NUMBER, "Grey and white matter, including lesions, without CSF.", "mL",
           label="Brain volume", uses=("glance", "curve", "slope")),
    Column("bpf", NUMBER,
           "Brain parenchymal fraction: brain volume divided by the volume inside the outer "
           "contour of the brain.",
           source="Rudick 1999, 10.1212/WNL.53.8.1698",
           label="Brain parenchymal fraction", uses=("glance", "histogram", "slope")),
    Column("grey_matter_ml", NUMBER, "Grey matter: cortex, deep nuclei, cerebellar cortex.", "mL",
           label="Grey matter", uses=("brain table",)),
    Column("cortical_grey_matter_ml", NUMBER, "Cerebral cortex.", "mL",
           label="Cortex", uses=("brain table",)),
    Column("deep_grey_matter_ml", NUMBER, "Deep grey matter: thalamus and basal ganglia.", "mL",
           label="Deep grey matter", uses=("brain table",)),
    Column("white_matter_ml", NUMBER, "White matter, including its lesions.", "mL",
           label="White matter, including lesions", uses=("brain table",)),
    Column("lateral_ventricles_ml", NUMBER, "Lateral ventricles, including their choroid "
                                            "plexus.", "mL",
           label="Lateral ventricles", uses=("brain table", "curve", "slope")),
    Column("third_ventricle_ml", NUMBER, "Third ventricle.", "mL",
           label="Third ventricle", uses=("brain table",)),
    Column("fourth_ventricle_ml", NUMBER, "Fourth ventricle.", "mL"),
    Column("choroid_plexus_ml", NUMBER, "Choroid plexus of the lateral ventricles.", "mL"),
    Column("thalamus_ml", NUMBER, "Both thalami.", "mL",
           label="Thalami", uses=("brain table", "histogram", "curve", "slope")),
    Column("thalamus_left_ml", NUMBER, "Left thalamus.", "mL",
           requires=("whole_brain", "orientation", "not_mirrored", "structure")),
    Column("thalamus_right_ml", NUMBER, "Right thalamus.", "mL",
           requires=("whole_brain", "orientation", "not_mirrored", "structure")),
    Column("basal_ganglia_ml", NUMBER, "Caudate, putamen, pallidum and accumbens.", "mL"),
    Column("hippocampus_amygdala_ml", NUMBER, "Hippocampi and amygdalae.", "mL"),
    Column("cerebellum_ml", NUMBER, "Cerebellum.", "mL",
           label="Cerebellum", uses=("brain table",)),
    Column("brainstem_ml", NUMBER, "Brainstem.", "mL",
           label="Brainstem", uses=("brain table",)),
    Column("csf_ml", NUMBER, "CSF in the ventricles and around the brain, inside the skull.", "mL",
           label="CSF", requires=("whole_brain", *SKULL, "structure")),
    Column("third_ventricle_width_mm", NUMBER,
           "Largest width of the third ventricle on an axial slice.",
           "mm", "Benedict 2004, 10.1001/archneur.61.2.226",
           label="Third ventricle, width", uses=("brain table", "slope"),
           method="From the third ventricle of the anatomy map, across the midsagittal plane."),
    group="brain", requires=("whole_brain", "structure"),
)  # fmt: skip

_STATE = described(
    DERIVED,
    Column("quality_state", TEXT, "Worst state of the checks of the visit.", levels=STATES),
    Column("flags", TEXT,
           "Warnings of the headers, several_scans where a rule chose one, other_head or mirrored "
           "where a scan is not used, and checks that did not pass with their state, joined by "
           "semicolons.", empty_when="there is none"),
    Column("empty_because", TEXT,
           "Reasons for empty values, as column: reason, separated by semicolons.",
           empty_when="no biomarker is empty"),
)  # fmt: skip

VISITS = Table(
    "visits",
    "One row per visit: lesion load, location and appearance, and brain volumes.",
    (PARTICIPANT, SESSION_OF_ROW, *_WHO, *_METHOD, *_LOAD, *_LOCATION, *_LOOK, *_BRAIN, *_STATE),
    ("participant_id", "session_id"),
)
BIOMARKERS = {column.name: column for column in VISITS.columns if column.group}
"""The biomarkers of a visit by name."""


def label_of(name: str) -> str:
    """Short name of a biomarker on pages and plots; its column where it has no other.

    Parameters
    ----------
    name : str
        Column of visits.csv.

    Returns
    -------
    str

    Examples
    --------
    >>> label_of("bpf"), label_of("fourth_ventricle_ml")
    ('Brain parenchymal fraction', 'fourth_ventricle_ml')
    """
    return BIOMARKERS[name].label or name


def used_for(use: str) -> tuple[str, ...]:
    """Names of the biomarkers with a use, in the order of the columns.

    Parameters
    ----------
    use : str
        Of `USES`.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> used_for("curve")[:2]
    ('lesion_volume_ml', 'lesion_count')
    """
    return tuple(name for name, column in BIOMARKERS.items() if use in column.uses)
