"""Measure on real scans whether another person, a mirror image and a copy are told.

    python pipelines/validate_identity.py DATA CACHE [--parts right mirror ...]

DATA and CACHE are those of validate_longitudinal.py. Each pair is registered on scans reduced
to 2 mm, as the check itself looks at them, and prints a line. `chosen` marks the pairs of the
persons on whom the rule was chosen; a pair with another person is marked `held out`.
"""

import argparse
import pickle
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi
from simulated_scan import DAYS, another_day, stored_mirrored
from validate_longitudinal import segmented

from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps, register_visits
from mslesion.longitudinal.alignment.refinement import refine_frame
from mslesion.longitudinal.identity import measure_identity, reduced
from mslesion.longitudinal.quality import ONE_HEAD, judge_pair
from mslesion.longitudinal.same_image import same_image_correlation

CHOSEN_ON = {"LJL01", "LJL03", "P14", "LJ07", "1003", "1018"}
RIGHT = (
    ("LJL01_1", "LJL01_2", "FLAIR"), ("LJL01_1", "LJL01_2", "T1w"),
    ("LJL03_1", "LJL03_2", "FLAIR"), ("1003_1", "1003_2", "T1w"), ("1018_1", "1018_2", "T1w"),
    ("1019_1", "1019_2", "T1w"), ("P14_1", "P14_2", "FLAIR"), ("P14_1", "P14_2", "T1w"),
    ("P14_2", "P14_3", "FLAIR"), ("P14_2", "P14_3", "T1w"), ("P14_1", "P14_3", "FLAIR"),
    ("P14_1", "P14_3", "T1w"),
)  # fmt: skip
ANOTHER_DAY = (
    ("LJL01_1", "LJL01_2", "FLAIR", "all"), ("LJL03_1", "LJL03_2", "FLAIR", "all"),
    ("LJL03_1", "LJL03_2", "FLAIR", "noisy"), ("LJL01_1", "LJL01_2", "T1w", "all"),
    ("P14_1", "P14_2", "FLAIR", "all"), ("P14_1", "P14_2", "T1w", "atrophied"),
    ("1003_1", "1003_2", "T1w", "atrophied"), ("1018_1", "1018_2", "T1w", "all"),
    ("1018_1", "1018_2", "T1w", "noisy"), ("LJ07_1", "LJ07_1", "FLAIR", "all"),
    ("1019_1", "1019_2", "T1w", "all"), ("P39_1", "P39_1", "FLAIR", "all"),
    ("LJL04_1", "LJL04_1", "FLAIR", "all"), ("LJ19_1", "LJ19_1", "T1w", "all"),
    ("LJL20_2", "LJL20_2", "T1w", "all"), ("LJL09_2", "LJL09_2", "FLAIR", "noisy"),
    ("niivue_1", "niivue_1", "T1w", "all"), ("IXI386HH2077_1", "IXI386HH2077_1", "T1w", "all"),
    ("IXI572HH2605_1", "IXI572HH2605_1", "T1w", "atrophied"),
    ("LJ19_1", "LJ19_1", "FLAIR", "slices"),
)  # fmt: skip
"""The second scan of each is as on another day (`simulated_scan.DAYS`)."""
THICK_FLAIR = ("LJL01_1", "LJL01_2", "LJL03_1", "LJL03_2", "LJL04_1", "LJL09_2", "LJL20_2")
ONCE = ("LJL01_1", "LJL03_1", "LJL04_1", "LJL09_2", "LJL20_2")
THIN = ("LJ07_1", "P14_1", "LJ19_1", "P39_1")
THICK_T1W = ("LJL01_1", "LJL03_2", "LJL04_1", "LJL20_2")
RESCANS = ("1003_1", "1018_1", "1019_1")
WHOLE_HEADS = (
    "IXI013HH1212_1", "IXI092HH1436_1", "IXI148HH1453_1", "IXI205HH1649_1", "IXI275HH1803_1",
    "IXI386HH2077_1", "IXI485HH2180_1", "IXI572HH2605_1", "niivue_1",
)  # fmt: skip


def person(name: str) -> str:
    return name.split("_")[0]


def strangers(*groups) -> Iterator[tuple[str, str, str]]:
    """Pairs of two persons among groups of pairs, each once."""
    done = set()
    for modality, pairs in groups:
        for first, second in pairs:
            if person(first) != person(second) and (first, second, modality) not in done:
                done.add((first, second, modality))
                yield first, second, modality


def report(label: str, names: tuple[str, str], pair: tuple[VisitMaps, VisitMaps], modality: str):
    """Values of a pair, and whether it is compared."""
    visits = [reduced(visit, modality) for visit in pair]
    values: dict = {}
    try:
        frame = register_visits(*visits, modality)
        if label != "wrong":  # for two persons that only lowers the score
            frame = refine_frame(frame, *visits, modality)
        found = measure_identity(*visits, modality, frame=frame)
        values = {"identity_score": found.score, "mirror_gain": found.mirror_gain}
    except RuntimeError as error:
        print(f"    not registered: {str(error).strip().splitlines()[-1]}")
    refused = not values or judge_pair(values).reason_against(ONE_HEAD)
    own = "chosen" if {person(name) for name in names} <= CHOSEN_ON else "held out"
    shown = " ".join("none" if v is None else f"{v:.3f}" for v in values.values())
    print(
        f"{label} {names[0]} {names[1]} {modality}: {shown} "
        f"{'refused' if refused else 'compared'}, {own}",
        flush=True,
    )


def right(data: Path, cache: Path) -> None:
    for first, second, modality in RIGHT:
        pair = segmented(data, cache, first), segmented(data, cache, second)
        report("right", (first, second), pair, modality)


def days(data: Path, cache: Path) -> None:
    for first, second, modality, day in ANOTHER_DAY:
        kept = cache / f"{second}_{modality}_{day}.pickle"
        if not kept.exists():
            seed = sum(map(ord, second + day))
            made = another_day(segmented(data, cache, second), modality, day=DAYS[day], seed=seed)
            kept.write_bytes(pickle.dumps(made))
        pair = segmented(data, cache, first), pickle.loads(kept.read_bytes())
        report(f"right, {day}", (first, second), pair, modality)


def mirror(data: Path, cache: Path) -> None:
    for first, second, modality in RIGHT[:8]:
        pair = segmented(data, cache, first), stored_mirrored(segmented(data, cache, second))
        report("mirrored", (first, second), pair, modality)


def wrong_brains(data: Path, cache: Path) -> None:
    """Brains without skull, voxels of 1 mm."""
    report_strangers(
        data, cache, ("T1w", combinations((*RESCANS, *THIN), 2)), ("FLAIR", combinations(THIN, 2))
    )


def wrong_slices(data: Path, cache: Path) -> None:
    """Slices of 3 to 4 mm with each other, and with voxels of 1 mm."""
    report_strangers(
        data, cache, ("FLAIR", combinations(ONCE, 2)), ("T1w", combinations(THICK_T1W, 2)),
        ("FLAIR", zip(ONCE, (*THIN, THIN[0]), strict=True)),
        ("T1w", zip(THICK_T1W, (*RESCANS, THIN[0]), strict=True)),
        ("FLAIR", combinations(THICK_FLAIR, 2)),
    )  # fmt: skip


def wrong_heads(data: Path, cache: Path) -> None:
    """Whole heads, voxels of 1 to 2 mm."""
    report_strangers(data, cache, ("T1w", combinations(WHOLE_HEADS, 2)))


def report_strangers(data: Path, cache: Path, *groups) -> None:
    kept: dict = {}  # whole visits are large, and each is in many pairs
    for *names, modality in strangers(*groups):
        for name in names:
            if (name, modality) not in kept:
                kept[name, modality] = reduced(segmented(data, cache, name), modality)
        report("wrong", tuple(names), tuple(kept[name, modality] for name in names), modality)


def copies(data: Path, cache: Path) -> None:
    """Noise of one image twice, and of two acquisitions."""
    for first, second, modality in RIGHT:
        scans = [segmented(data, cache, name).scans[modality] for name in (first, second)]
        print(f"copies {first} {second} {modality}: {_shown(same_image_correlation(*scans))}")
        scan = scans[0]
        for kind, copy in _copies(scan).items():
            print(f"    {kind}: {_shown(same_image_correlation(scan, copy))}")


def _copies(scan: PlacedScan) -> dict[str, PlacedScan]:
    """One image, stored and converted again."""
    values, top = scan.data.astype(np.float64), float(scan.data.max())
    corner = np.eye(4)
    corner[:3, 3] = 6, 4, 2
    shade = np.exp(np.linspace(-0.3, 0.3, values.shape[0]))[:, None, None]
    core = ndi.binary_erosion(values > 0.2 * np.percentile(values, 95), iterations=3)
    return {
        "255 grey values": PlacedScan(np.round(values / top * 255), scan.affine),
        "power of 0.7": PlacedScan((values / top) ** 0.7, scan.affine),
        "shaded": PlacedScan(values * shade, scan.affine),
        "axes exchanged, no header": PlacedScan(
            np.transpose(values, (2, 0, 1))[:, ::-1], np.eye(4)
        ),
        "cut off": PlacedScan(values[6:-5, 4:-3, 2:], scan.affine @ corner),
        "other voxels removed": PlacedScan(np.where(core, values, 0), scan.affine),
    }


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


PARTS = {
    part.__name__: part
    for part in (right, days, mirror, copies, wrong_brains, wrong_slices, wrong_heads)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path, help="folder for segmented visits")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    for name in given.parts:
        PARTS[name](given.data, given.cache)


if __name__ == "__main__":
    main()
