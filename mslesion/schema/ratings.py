"""Clinical data and ratings: every column that is read, with its kind, range and other names.

One declaration serves the reader, its messages and the page of the docs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mslesion.schema.identifiers import bare_label

FLAG, COUNT, NUMBER, DATE, DATES, TEXT, LEVEL = (
    "yes or no", "whole number", "number", "date", "dates", "text", "level",
)  # fmt: skip
PERSON, VISIT, EITHER, LESION = "person", "visit", "person or visit", "lesion"

UNKNOWN = ("", "n/a", "na", "nan", "none", "null")
"""Texts that mean "not known", regardless of case."""
YES = ("yes", "y", "true", "1", "1.0", "present", "positive", "pos", "+")
NO = ("no", "n", "false", "0", "0.0", "absent", "negative", "neg", "-")
LIST_SEPARATOR = ";"
"""Between several dates in one cell."""

KEYS = MappingProxyType(
    {"participant_id": ("subject_id", "subject", "participant"), "session_id": ("session", "visit")}
)
"""The columns that say whose row it is, with their other names."""
FREE_COLUMNS = ("rater", "comment", "comments", "note", "notes")
"""Columns that are allowed and ignored."""


class RatedColumn(NamedTuple):
    """One column that may be given."""

    name: str
    kind: str
    of: str
    """What it is a fact of; `EITHER` holds for all visits if no session is given."""
    description: str
    units: str | None = None
    low: float = 0
    """Smallest value that is taken (inclusive)."""
    high: float = 1000
    """Largest value that is taken (inclusive)."""
    aliases: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] | None = None
    """Values of a `LEVEL`, with their other spellings."""


RATED_COLUMNS = (
    RatedColumn("sex", LEVEL, PERSON, "Sex.", aliases=("gender",),
                levels={"female": ("f", "w", "woman"), "male": ("m", "man"),
                        "other": ("o", "x", "diverse")}),
    RatedColumn("birth_date", DATE, PERSON, "Day of birth.", aliases=("date_of_birth", "dob")),
    RatedColumn("onset_date", DATE, PERSON, "Day of the first symptom.", aliases=("onset",)),
    RatedColumn("group", TEXT, PERSON, "Arm or group of a study.",
                aliases=("arm", "treatment_arm", "cohort")),
    RatedColumn("age_years", NUMBER, EITHER, "Age.", "year", 0, 120, ("age",)),
    RatedColumn("treatment", TEXT, EITHER, "Disease-modifying treatment.", aliases=("dmt",)),
    RatedColumn("treatment_start_date", DATE, EITHER, "Day its treatment began.",
                aliases=("dmt_start_date", "dmt_start", "treatment_start")),
    RatedColumn("incidental", FLAG, EITHER,
                "Incidental finding: no symptom or sign of demyelination, past or present.",
                aliases=("found_by_chance", "ris")),
    RatedColumn("other_causes_excluded", FLAG, EITHER,
                "Other causes of the lesions were considered and excluded."),
    RatedColumn("oligoclonal_bands", FLAG, EITHER, "Bands in the CSF that are not in serum.",
                aliases=("ocb", "csf_ocb")),
    RatedColumn("kappa_index_positive", FLAG, EITHER,
                "Kappa free light chain index above the laboratory's own cut-off.",
                aliases=("kflc", "kflc_positive", "kappa_index")),
    RatedColumn("vascular_comorbidity", FLAG, EITHER, "Vascular disease or risk factors."),
    RatedColumn("headache_disorder", FLAG, EITHER, "Migraine or another headache disorder.",
                aliases=("migraine",)),
    RatedColumn("clinical_dissemination_in_time", FLAG, EITHER, "Two or more attacks.",
                aliases=("two_attacks", "clinical_dit")),
    RatedColumn("progression_12_months", FLAG, EITHER,
                "Twelve months of progression independent of relapses.",
                aliases=("progression",)),
    RatedColumn("visit_date", DATE, VISIT, "Day of the visit.", aliases=("acq_time", "date")),
    RatedColumn("scanner_id", TEXT, EITHER, "Scanner, by any unique name.",
                aliases=("scanner",)),
    RatedColumn("contrast_given", FLAG, VISIT, "Whether contrast agent was given.",
                aliases=("gd_given", "contrast")),
    RatedColumn("gd_count", COUNT, VISIT, "Contrast-enhancing brain lesions.",
                aliases=("gd_lesions", "enhancing_lesions", "cel_count")),
    RatedColumn("cord_count", COUNT, VISIT,
                "Spinal cord lesions; leave it empty where the cord was not imaged.",
                aliases=("cord_lesions", "cord_lesion_count", "spinal_cord_lesions")),
    RatedColumn("optic_nerve_lesion", FLAG, VISIT,
                "Optic nerve lesion by MRI, optical coherence tomography or evoked potentials.",
                aliases=("optic_nerve",)),
    RatedColumn("symptomatic_infratentorial_count", COUNT, VISIT,
                "Infratentorial lesions that explain the symptoms."),
    RatedColumn("symptomatic_cord_count", COUNT, VISIT, "Cord lesions that explain the symptoms."),
    RatedColumn("relapse_count", COUNT, VISIT, "Relapses since the previous visit.", high=50,
                aliases=("relapses",)),
    RatedColumn("steroid_dates", DATES, VISIT,
                f"Days of steroid courses, joined by {LIST_SEPARATOR!r}.",
                aliases=("steroid_date",)),
    RatedColumn("prl_count", COUNT, VISIT, "Paramagnetic rim lesions.", aliases=("prl_lesions",)),
    RatedColumn("cvs_positive_count", COUNT, VISIT, "Eligible lesions with a central vein.",
                aliases=("cvs_count",)),
    RatedColumn("cvs_eligible_count", COUNT, VISIT,
                "Lesions that are eligible for a central vein rating."),
    RatedColumn("ucca_mm2", NUMBER, VISIT, "Upper cervical cord area.", "mm^2", 10, 150,
                ("mucca_mm2", "cord_area_mm2")),
    RatedColumn("ucca_lower_limit_mm2", NUMBER, EITHER,
                "Lower limit of the user's own norms of the cord area.", "mm^2", 10, 150),
    RatedColumn("lesion", COUNT, LESION, "Number of the lesion in the rater's label map.",
                low=1, high=100_000, aliases=("lesion_id", "label", "index")),
    RatedColumn("x_mm", NUMBER, LESION, "Position, left to right (RAS+).", "mm", -500, 500, ("x",)),
    RatedColumn("y_mm", NUMBER, LESION, "Position, back to front (RAS+).", "mm", -500, 500, ("y",)),
    RatedColumn("z_mm", NUMBER, LESION, "Position, foot to head (RAS+).", "mm", -500, 500, ("z",)),
    RatedColumn("prl", FLAG, LESION, "Has a paramagnetic rim.", aliases=("rim",)),
    RatedColumn("cvs", FLAG, LESION, "Has a central vein.", aliases=("central_vein",)),
    RatedColumn("eligible", FLAG, LESION, "Is eligible for a central vein rating.",
                aliases=("cvs_eligible",)),
    RatedColumn("exclusion_reason", TEXT, LESION, "Why the lesion is not eligible."),
    RatedColumn("gd", FLAG, LESION, "Takes up contrast agent.", aliases=("enhancing",)),
)  # fmt: skip
"""Every column that is read."""

COLUMN_BY_NAME = MappingProxyType(
    {name: column for column in RATED_COLUMNS for name in (column.name, *column.aliases)}
)
"""The columns by their names and other names."""


NOT_BY_CHANCE = (
    "relapse_count",
    "clinical_dissemination_in_time",
    "progression_12_months",
    "symptomatic_infratentorial_count",
    "symptomatic_cord_count",
)
"""Facts that an incidental finding excludes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionRating:
    """A rater's findings on one lesion; None is "not rated"."""

    lesion: int | None = None
    """Its number in the rater's label map."""
    position_mm: tuple[float, float, float] | None = None
    """Where it is (RAS+), in the space of the scan that was rated."""
    prl: bool | None = None
    cvs: bool | None = None
    eligible: bool | None = None
    """Is eligible for a central vein rating."""
    exclusion_reason: str = ""
    gd: bool | None = None
    place: str = ""
    """File and row it was read from."""

    @property
    def position_text(self) -> str:
        """The position as an error names it."""
        return ", ".join(f"{value:g}" for value in self.position_mm or ())


class Statement(NamedTuple):
    """One value of a fact, and where it stands."""

    value: Any
    source: str
    """File and column, such as ``participants.tsv, column 'age'``."""


Place = tuple[str, str | None]
"""Subject and session label; the session is empty for a visit without label, and None for
what holds for all visits."""


MAY_DISAGREE = ("visit_date", "age_years", "scanner_id")
"""Facts that tables may give two values of: the later table is believed, with a warning."""


@dataclass(frozen=True, slots=True)
class Ratings:
    """Clinical data and ratings of a cohort."""

    facts: Mapping[Place, Mapping[str, Any]] = field(default_factory=dict)
    """Known facts by subject and session."""
    lesions: Mapping[Place, tuple[LesionRating, ...]] = field(default_factory=dict)
    """Rated lesions by subject and session."""
    folders: tuple[Path, ...] = ()
    """Folders that were read, for a rater's label maps."""
    statements: Mapping[Place, Mapping[str, tuple[Statement, ...]]] = field(default_factory=dict)
    """Every value of each fact with its source, by subject and session; the first is the one
    in `facts`."""

    @property
    def subjects(self) -> list[str]:
        """Labels of all subjects with facts, sorted."""
        return sorted({subject for subject, _ in [*self.facts, *self.lesions]})

    def by_subject(self) -> dict[str, "Ratings"]:
        """The ratings of each subject alone.

        Returns
        -------
        dict of str to Ratings
            By bare label; all of them name the same folders.
        """
        parts: dict[str, dict[str, dict]] = {}
        for name in ("facts", "lesions", "statements"):
            for place, value in getattr(self, name).items():
                own = parts.setdefault(place[0], {"facts": {}, "lesions": {}, "statements": {}})
                own[name][place] = value
        return {subject: Ratings(**own, folders=self.folders) for subject, own in parts.items()}

    def facts_of(self, subject: str, session: str) -> dict[str, Any]:
        """Facts of one visit: the person's, and the visit's over them.

        Parameters
        ----------
        subject, session : str
            Labels, with or without ``sub-`` and ``ses-``.

        Returns
        -------
        dict of str to object
            Known facts only.
        """
        subject, session = bare_label(subject), bare_label(session)
        person, visit = (self.facts.get((subject, place), {}) for place in (None, session))
        return {**person, **visit}

    def statements_of(self, subject: str, session: str | None, name: str) -> tuple[Statement, ...]:
        """Every value that is given of one fact, the believed one first.

        Parameters
        ----------
        subject : str
            Label, with or without ``sub-``.
        session : str or None
            Label, with or without ``ses-``; None for what holds for all visits.
        name : str
            Declared name of the fact.

        Returns
        -------
        tuple of Statement
        """
        place = (bare_label(subject), None if session is None else bare_label(session))
        if place in self.statements:
            return self.statements[place].get(name, ())
        facts = self.facts.get(place, {})
        return (Statement(facts[name], "given"),) if name in facts else ()

    def lesions_of(self, subject: str, session: str) -> tuple[LesionRating, ...]:
        """Rated lesions of one visit.

        Parameters
        ----------
        subject, session : str
            Labels, with or without ``sub-`` and ``ses-``.

        Returns
        -------
        tuple of LesionRating
        """
        return self.lesions.get((bare_label(subject), bare_label(session)), ())
