"""What a run did, in a table and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mslesion.pipeline.dataset.jobs import CALIBRATION, DONE, FAILED, PAIR, UNCHANGED, VISIT
from mslesion.schema import OUTCOMES, TABLES, as_table

COUNTED_AS = {VISIT: "visits done", PAIR: "pairs compared", CALIBRATION: "patients calibrated"}
"""How `RunSummary.text` counts the jobs of each step."""
FAILURES_NAMED = 10
"""So many failures are named at the end of a run; all are in ``logs/failures.tsv``."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did, and where its results are."""

    outcomes: pd.DataFrame
    """One row per job with the columns of `mslesion.schema.OUTCOMES`."""
    output_dir: Path
    tables: Mapping[str, Path]
    """The merged tables that there are, by name."""
    pages: Mapping[str, Path]
    """The page of each participant by its identifier, such as ``sub-01``."""
    left: str = ""
    """Of a dry run: what is left to do, and about how long it takes."""

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of `outcomes` of jobs that failed; ``logs/failures.tsv`` has them too."""
        return self.outcomes[self.outcomes["state"] == FAILED].reset_index(drop=True)

    @property
    def text(self) -> str:
        """One line: how many jobs of each step are finished; empty without jobs."""
        counts = []
        for step, what in COUNTED_AS.items():
            states = self.outcomes.loc[self.outcomes["step"] == step, "state"]
            if len(states):
                finished = int(states.isin((DONE, UNCHANGED)).sum())
                counts.append(f"{finished} of {len(states)} {what}")
        return ", ".join(counts)

    @property
    def failures_text(self) -> str:
        """What failed and what to do, in lines; empty if all went well."""
        failed = self.failed.astype(object).where(self.failed.notna(), "")
        if not len(failed):
            return ""
        lines = [
            f"  {row['step']} {_whose(row)}: {row['reason']}"
            for row in failed.head(FAILURES_NAMED).to_dict("records")
        ]
        if len(failed) > FAILURES_NAMED:
            lines.append(f"  and {len(failed) - FAILURES_NAMED} more")
        head = f"{len(failed)} failed (logs/failures.tsv has the reasons):"
        end = "Correct what is named and run the same command again: what is finished is kept."
        return "\n".join([head, *lines, end])


def summary_of(rows: Sequence[Mapping], output: Path, *, left: str = "") -> RunSummary:
    """What the outcomes were, and which results there are now.

    Parameters
    ----------
    rows : sequence of mapping
        Of `Outcome.row`.
    output : Path
        The output dataset.
    left : str
        Of a dry run.

    Returns
    -------
    RunSummary
    """
    tables = {table.name: output / f"{table.name}.csv" for table in TABLES}
    return RunSummary(
        outcomes=as_table(rows, OUTCOMES),
        output_dir=output,
        tables={name: path for name, path in tables.items() if path.is_file()},
        pages={path.stem: path for path in sorted(output.glob("sub-*.html"))},
        left=left,
    )


def _whose(row: Mapping) -> str:
    """The visit, pair or participant of a row."""
    sessions = filter(None, (row["session_from"], row["session_id"]))
    return "_".join([row["participant_id"], *sessions])
