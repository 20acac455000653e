"""The patients of the sample data: what each was made to be."""

from datetime import date
from typing import NamedTuple

UNKNOWN = "n/a"


class Lesions(NamedTuple):
    """Some lesions of one kind."""

    count: int
    region: str
    """One of the `REGIONS` of lesions.py."""
    diameter_mm: tuple[float, float]
    """Of the ball of the same volume, before growth; both ends inclusive."""
    growth_mm: tuple
    """At each visit, how far the border has moved outwards; None: not there."""
    darkness: float = 0.6
    """On T1w: 0 as white matter, 1 about as grey matter or darker."""
    shapes: int = 1
    """Shapes of the library that flow together into each lesion."""

    @property
    def largest_growth_mm(self):
        """The most that the border moves outwards."""
        return max(growth for growth in self.growth_mm if growth is not None)


class Strain(NamedTuple):
    """Change of volume from the first to the last visit, in percent."""

    brain: float
    thalamus: float
    ventricles: float


class Visit(NamedTuple):
    """One visit, with facts that no scan shows."""

    day: date
    relapse_count: int
    contrast_given: str = "no"
    gd_count: int | str = UNKNOWN
    cord_lesion_count: int | str = UNKNOWN
    optic_nerve_lesion: str = UNKNOWN


class Patient(NamedTuple):
    """One patient."""

    label: str
    group: str
    head: str
    """Number of the label map."""
    age: int
    sex: str
    visits: tuple[Visit, ...]
    lesions: tuple[Lesions, ...]
    """Set in this order: those that find room least easily come first."""
    strain: Strain | None = None
    incidental: str = "no"
    other_causes_excluded: str = "yes"
    oligoclonal_bands: str = UNKNOWN
    progression_12_months: str = "no"
    treatment_start_date: str = UNKNOWN
    axes: str = "RAS"
    """Which way the stored axes run."""
    flair_mm: tuple[float, float, float] = (1.6, 1.6, 1.6)
    t1_mm: tuple[float, float, float] = (1.6, 1.6, 1.6)
    tilt_deg: float = 0.0
    """Of the slices, about the axis from ear to ear."""


PRECLINICAL = Patient(
    label="preclinical",
    group="pre-clinical",
    head="09",
    age=34,
    sex="F",
    visits=(Visit(date(2021, 3, 9), 0), Visit(date(2022, 3, 8), 0)),
    lesions=(
        Lesions(4, "periventricular", (6, 9), (0, 0), 0.3),
        Lesions(2, "juxtacortical", (6, 8), (0, 0), 0.3),
        Lesions(2, "deep_white", (6, 7.5), (0, 0), 0.3),
        Lesions(2, "infratentorial", (6, 9), (0, 0), 0.3),
        Lesions(1, "deep_white", (6, 7.5), (None, 0), 0.2),
    ),
    strain=Strain(brain=-0.15, thalamus=-0.2, ventricles=0.5),
    incidental="yes",
)

RELAPSING = Patient(
    label="relapsing",
    group="relapsing",
    head="19",
    age=29,
    sex="F",
    visits=(
        Visit(date(2019, 5, 14), 1, "yes", 1, 1, "no"),
        Visit(date(2020, 5, 12), 2, "yes", 2, 1, "no"),
        Visit(date(2021, 5, 11), 1, "yes", 1, 1, "no"),
    ),
    lesions=(
        Lesions(1, "periventricular", (7, 11), (0, 0.75, 0.75)),
        Lesions(1, "deep_white", (7, 10), (0, 0.75, 0.75)),
        Lesions(1, "periventricular", (7, 11), (0, 0, 0.75)),
        Lesions(1, "deep_white", (7, 10), (0, 0, 0.75)),
        Lesions(2, "deep_white", (6.5, 9), (None, 0, 0), 0.4),
        Lesions(1, "periventricular", (7, 11), (None, 0, 0), 0.4),
        Lesions(1, "juxtacortical", (6.5, 9), (None, 0, 0), 0.4),
        Lesions(1, "deep_white", (6.5, 9), (None, None, 0), 0.4),
        Lesions(1, "periventricular", (7, 11), (None, None, 0), 0.4),
        Lesions(1, "juxtacortical", (6.5, 9), (None, None, 0), 0.4),
        Lesions(1, "deep_white", (6.5, 9), (0, None, None), 0.3),
        Lesions(1, "deep_white", (6.5, 9), (0, 0, None), 0.3),
        Lesions(2, "periventricular", (9, 20), (0, 0, 0)),
        Lesions(3, "periventricular", (6, 12), (0, 0, 0)),
        Lesions(3, "juxtacortical", (6, 11), (0, 0, 0)),
        Lesions(3, "deep_white", (6, 10), (0, 0, 0)),
        Lesions(1, "infratentorial", (6, 10), (0, 0, 0)),
    ),
    strain=Strain(brain=-0.5, thalamus=-0.5, ventricles=2.0),
    oligoclonal_bands="yes",
    treatment_start_date="2020-06-15",
    axes="LAS",
)

PROGRESSIVE = Patient(
    label="progressive",
    group="progressive",
    head="17",
    age=46,
    sex="M",
    visits=(
        Visit(date(2018, 9, 4), 0, "no", UNKNOWN, 2, "no"),
        Visit(date(2020, 9, 8), 0, "no", UNKNOWN, 3, "no"),
    ),
    lesions=(
        Lesions(3, "deep_white", (7, 11), (0, 0.3), 1.1),
        Lesions(1, "periventricular", (12, 34), (0, 0), 0.9, shapes=4),
        Lesions(1, "periventricular", (10, 34), (0, 0), 0.9, shapes=6),
        Lesions(2, "juxtacortical", (6, 10), (0, 0), 0.8),
        Lesions(3, "deep_white", (6, 11), (0, 0), 0.8),
        Lesions(2, "infratentorial", (6, 12), (0, 0), 0.8),
    ),
    strain=Strain(brain=-2.1, thalamus=-3.2, ventricles=9.0),
    oligoclonal_bands="yes",
    progression_12_months="yes",
    axes="PSR",
)

THICK = Patient(
    label="thick",
    group="relapsing",
    head="10",
    age=41,
    sex="F",
    visits=(Visit(date(2017, 2, 21), 1),),
    lesions=(
        Lesions(4, "periventricular", (8, 14), (0,)),
        Lesions(2, "juxtacortical", (7, 10), (0,)),
        Lesions(3, "deep_white", (7, 11), (0,)),
        Lesions(1, "infratentorial", (7, 11), (0,)),
    ),
    axes="LAS",
    flair_mm=(1.0, 1.0, 3.0),
    t1_mm=(1.25, 1.25, 3.0),
    tilt_deg=9.0,
)

PATIENTS = (PRECLINICAL, RELAPSING, PROGRESSIVE, THICK)
