"""The page of a cohort, for ten thousand visits and more.

The table of visits is data inside the page: its script sorts and filters them and draws only the
rows in view. Charts and the quality overview are there without the script.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from mslesion.reports.cohort.charts import BINS, HEIGHT, WIDTH, courses, histograms
from mslesion.reports.cohort.rows import FLAGS, cohort_rows, column_data, shown_columns
from mslesion.reports.templating import render
from mslesion.schema import CRITERIA, VISITS
from mslesion.schema.checks import CHECKS, FAIL, PAIR_CHECKS, WARN
from mslesion.schema.criteria import OUTCOMES

ROWS_IN_VIEW = 100
"""Rows of the table that are drawn at a time."""
LETTERS = {"met": "m", "not met": "x", "not assessable": "?"}
"""One letter per verdict, since each visit has a verdict of each rule."""


def cohort_page(
    tables: Mapping[str, pd.DataFrame],
    sessions: Mapping[str, Sequence[str]],
    *,
    version: str,
    groups: Mapping[str, str] | None = None,
) -> str:
    """The page of a cohort.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The merged tables by name.
    sessions : mapping of str to sequence of str
        Session labels of each subject, the latest last.
    version : str
        Of mslesion.
    groups : mapping of str to str, optional
        Study group by subject label.

    Returns
    -------
    str
        A whole document that needs no network.
    """
    rows = cohort_rows(tables, sessions, groups=groups or {})
    rules = _rules(tables[CRITERIA.name])
    columns = shown_columns(rows)
    data = {
        "columns": [column_data(rows, column) for column in columns],
        "rules": rules,
        "letters": LETTERS,
        "verdicts": _verdicts(rows, [rule["name"] for rule in rules]),
        "latest": "".join("1" if latest else "0" for latest in rows["is_latest"]),
        "flags": [list(rows[name].fillna("")) for name in FLAGS],
        "rowsInView": ROWS_IN_VIEW,
    }
    return render(
        "cohort.html",
        data=data,
        columns=columns,
        rules=rules,
        outcomes=list(OUTCOMES),
        people=len(sessions),
        visits=len(rows),
        histograms=list(histograms(rows)),
        courses=list(courses(rows)),
        checks=_checks(rows),
        choices={
            name: sorted(set(rows[name].dropna().astype(str)) - {""})
            for name in ("group", "scanner_id", "quality_state", "pair_quality_state")
        },
        width=WIDTH,
        height=HEIGHT,
        bar_width=round(WIDTH / BINS - 2, 1),
        table=VISITS.name,
        version=version,
    )


def _rules(criteria: pd.DataFrame) -> list[dict]:
    """Every rule with its title, in the order of the list."""
    listed = criteria.drop_duplicates("rule").sort_values("position")
    return [
        {
            "name": row["rule"],
            "title": row["title"] + (" (provisional)" if row["provisional"] else ""),
        }
        for row in listed.to_dict("records")
    ]


def _verdicts(rows: pd.DataFrame, rules: Sequence[str]) -> list[str]:
    """One text per visit: the letter of each rule's verdict."""
    letters = [
        rows[f"rule:{rule}"].map(LETTERS).fillna(LETTERS["not assessable"]) for rule in rules
    ]
    return ["".join(one) for one in zip(*letters, strict=True)] if rules else [""] * len(rows)


def _checks(rows: pd.DataFrame) -> list[dict]:
    """Every check that some visit or pair did not pass, with how often."""
    counts = [Counter(flag for text in rows[name].dropna() for flag in text.split(";"))
              for name in FLAGS]  # fmt: skip
    found = []
    for of, checks, counted in zip(("visit", "pair"), (CHECKS, PAIR_CHECKS), counts, strict=True):
        for check in checks:
            warn, fail = (counted[f"{check.name}:{state}"] for state in (WARN, FAIL))
            if warn or fail:
                found.append({"name": check.name, "of": of, "description": check.description,
                              "warn": warn, "fail": fail})  # fmt: skip
    return found
