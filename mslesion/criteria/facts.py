"""What the rules may know of a visit. None is "not known", never "no"."""

from dataclasses import dataclass, fields
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of one visit and, where there is one before it, of what changed since.

    Lesions are those of the minimum size, counted in the brain unless it says other.
    """

    t2_count: int | None = None
    periventricular_count: int | None = None
    juxtacortical_count: int | None = None
    intracortical_count: int | None = None
    infratentorial_count: int | None = None
    gd_count: int | None = None
    """Contrast-enhancing lesions at this visit; None where no contrast was given."""
    non_enhancing_count: int | None = None
    cord_count: int | None = None
    """Spinal cord lesions; None where the cord was not imaged."""
    optic_nerve_lesion: bool | None = None
    """By MRI, optical coherence tomography or visual evoked potentials."""
    symptomatic_infratentorial_count: int | None = None
    symptomatic_cord_count: int | None = None
    cvs_select_six: bool | None = None
    """The select-six rule of the central vein sign, by `count_veins`."""
    prl_count: int | None = None
    """Paramagnetic rim lesions by a rater."""
    oligoclonal_bands: bool | None = None
    """In the CSF and not in serum."""
    kappa_index_positive: bool | None = None
    """Kappa free light chain index above the cut-off of the laboratory."""

    new_t2_count: int | None = None
    enlarging_count: int | None = None
    followup_gd_count: int | None = None
    """Contrast-enhancing lesions where there is a visit before."""
    combined_unique_active_count: int | None = None
    """Combined unique active lesions: enhancing ones, and new or enlarging others."""
    brain_loss_pct_per_year: float | None = None
    """Loss is positive."""
    relapse_count: int | None = None
    """Relapses since the visit before."""

    clinical_dissemination_in_time: bool | None = None
    """Two or more attacks."""
    progression_12_months: bool | None = None
    """Twelve months of progression that no relapse explains."""
    incidental: bool | None = None
    """Found by chance: no symptom or sign of demyelination, past or present."""
    other_causes_excluded: bool | None = None
    age_years: float | None = None
    vascular_comorbidity: bool | None = None
    headache_disorder: bool | None = None


FACT_NAMES = tuple(field.name for field in fields(Facts))
"""Names of all facts, in order."""

WORDS = MappingProxyType(
    {
        "t2_count": "T2 lesions",
        "periventricular_count": "periventricular lesions",
        "juxtacortical_count": "juxtacortical lesions",
        "intracortical_count": "intracortical lesions",
        "infratentorial_count": "infratentorial lesions",
        "gd_count": "contrast-enhancing lesions",
        "non_enhancing_count": "non-enhancing lesions",
        "cord_count": "spinal cord lesions",
        "optic_nerve_lesion": "optic nerve lesion",
        "symptomatic_infratentorial_count": "symptomatic infratentorial lesions",
        "symptomatic_cord_count": "symptomatic spinal cord lesions",
        "cvs_select_six": "central vein sign (select six)",
        "prl_count": "paramagnetic rim lesions",
        "oligoclonal_bands": "CSF-restricted oligoclonal bands",
        "kappa_index_positive": "kappa free light chain index",
        "new_t2_count": "new T2 lesions",
        "enlarging_count": "enlarging T2 lesions",
        "followup_gd_count": "contrast-enhancing lesions at follow-up",
        "combined_unique_active_count": "combined unique active lesions",
        "brain_loss_pct_per_year": "brain volume loss per year",
        "relapse_count": "relapses since the visit before",
        "clinical_dissemination_in_time": "second attack",
        "progression_12_months": "twelve months of progression",
        "incidental": "whether the lesions were found by chance",
        "other_causes_excluded": "whether other causes were excluded",
        "age_years": "age",
        "vascular_comorbidity": "vascular comorbidity",
        "headache_disorder": "headache disorder",
    }
)
"""What a fact is called in a sentence."""
