"""Compare two groups of a study in lesion counts, volumes, yearly changes and slopes.

    python pipelines/compare_groups.py OUTPUT_DIR participants.tsv --reference placebo

OUTPUT_DIR holds visits.csv and, where there are follow-ups, changes.csv. The group stands
in the column ``group`` (or ``arm``) of the participants' table. Writes comparisons.csv
beside them. Needs statsmodels: ``pip install 'mslesion[stats]'``.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from mslesion.clinical.ratings import read_ratings
from mslesion.errors import MSLesionError
from mslesion.io.tables import write_csv
from mslesion.schema import COMPARISONS
from mslesion.statistics import compare_groups

LABELS = dict.fromkeys(("participant_id", "session_id", "session_from", "session_to"), str)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("tables", type=Path, help="folder of visits.csv and changes.csv")
    parser.add_argument("participants", type=Path, help="table with participant_id and group")
    parser.add_argument("--reference", required=True, help="group that is compared with")
    given = parser.parse_args(argv)
    try:
        ratings = read_ratings(given.participants)
        groups = {s: ratings.facts_of(s, "").get("group") for s in ratings.subjects}
        changes = given.tables / "changes.csv"
        table = compare_groups(
            pd.read_csv(given.tables / "visits.csv", dtype=LABELS),
            {subject: group for subject, group in groups.items() if group},
            reference=given.reference,
            changes=pd.read_csv(changes, dtype=LABELS) if changes.is_file() else None,
        )
    except (MSLesionError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    write_csv(table, COMPARISONS, given.tables)  # with its data dictionary
    print(table.drop(columns=["position", "model"]).to_string(index=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
