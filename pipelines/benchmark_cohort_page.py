"""Measure the page of a large cohort: time to write and open it, its size, sorting and filtering.

    python pipelines/benchmark_cohort_page.py --visits 10000

The visits are simulated, four a person. A Chromium is needed to measure the opened page.
"""

import argparse
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from mslesion.criteria import CRITERIA as RULES
from mslesion.reports.cohort.page import cohort_page
from mslesion.schema import CHANGES, CRITERIA, PANELS, VISITS, as_table
from mslesion.schema.columns import COUNT
from mslesion.schema.criteria import OUTCOMES
from mslesion.schema.visits import BIOMARKERS

VISITS_A_PERSON = 4
TRIES = 5
MEASURE = """
addEventListener("load", () => {
  const times = { open: performance.now() };
  const settled = () => document.body.offsetHeight; // lays the page out, as a screen would
  const timed = (name, act) => {
    const taken = [];
    for (let i = 0; i < TRIES; i += 1) {
      const start = performance.now();
      act(i);
      settled();
      taken.push(performance.now() - start);
    }
    times[name] = Math.max(...taken);
  };
  const form = document.getElementById("filter");
  settled();
  times.open = performance.now();
  const heads = [...document.querySelectorAll("#visits th button")];
  for (const title of ["Lesion volume, mL", "Participant", "Date"]) {
    const head = heads.find(one => one.textContent === title);
    timed("sort by " + title, () => head.click());
  }
  timed("filter by rule", (i) => {
    form.elements.rule.value = "mcdonald2017_dis";
    form.elements.verdict.value = i % 2 ? "met" : "not met";
    form.dispatchEvent(new Event("input"));
  });
  timed("filter by check", (i) => {
    form.elements.check.selectedIndex = i % 2;
    form.dispatchEvent(new Event("input"));
  });
  timed("filter by participant", (i) => {
    form.elements.person.value = "1" + i;
    form.dispatchEvent(new Event("input"));
  });
  document.body.dataset.times = JSON.stringify(times);
});
""".replace("TRIES", str(TRIES))


def simulated(count: int) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Tables of a cohort, and the sessions of each person.

    Parameters
    ----------
    count : int
        Visits.

    Returns
    -------
    tables : dict of str to DataFrame
    sessions : dict of str to list of str
    """
    draw = np.random.default_rng(0)
    sessions: dict[str, list[str]] = {}
    for n in range(count):
        sessions.setdefault(f"{n // VISITS_A_PERSON:05}", []).append(f"{n % VISITS_A_PERSON:02}")
    who = [(person, one) for person, own in sessions.items() for one in own]
    visits, changes, criteria = [], [], []
    for person, session in who:
        row = {name: round(float(abs(draw.normal(10, 4))), 5) for name in BIOMARKERS}
        row |= {name: int(row[name]) for name in BIOMARKERS if BIOMARKERS[name].dtype == COUNT}
        row |= {
            "participant_id": person, "session_id": session,
            "visit_date": f"20{10 + int(session):02}-0{1 + int(person) % 9}-11",
            "scanner_id": f"scanner {int(person) % 12}",
            "age_years": round(draw.uniform(18, 70), 2),
            "quality_state": "warn" if draw.random() < 0.2 else "pass",
            "flags": "flair_signal_to_noise:warn;cap_like_lesions:warn" if draw.random() < 0.2
            else None,
        }  # fmt: skip
        visits.append({k: v for k, v in row.items() if k in VISITS.names})
        earlier = f"{int(session) - 1:02}" if int(session) else None
        if earlier:
            changes.append({
                "participant_id": person, "session_from": earlier, "session_to": session,
                "interval_years": 1.0, "new_t2_count": int(draw.poisson(1)),
                "enlarging_count": int(draw.poisson(1)), "change_assessable": True,
                "brain_change_assessable": True,
                "pbvc_pct_per_year": round(draw.normal(-0.4, 0.5), 5), "quality_state": "pass",
            })  # fmt: skip
        criteria += [
            {"participant_id": person, "session_id": session, "session_from": earlier,
             "position": n, "rule": rule.name, "title": rule.title, "provisional": False,
             "met": list(OUTCOMES)[draw.integers(3)]}
            for n, rule in enumerate(RULES, start=1)
        ]  # fmt: skip
    panels = [
        {
            "participant_id": person,
            "session_id": session,
            "domain": "pattern",
            "text": "mixed: text",
        }
        for person, session in who
    ]
    rows = ((VISITS, visits), (CHANGES, changes), (CRITERIA, criteria), (PANELS, panels))
    return {table.name: as_table(own, table) for table, own in rows}, sessions


def opened(page: str) -> dict[str, float]:
    """Times in the browser, in ms: the page opened, and the longest of five tries of each act.

    Parameters
    ----------
    page : str
        The document.

    Returns
    -------
    dict of str to float
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("There is no Chromium, but it opens the page. Install chromium.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.html"
        path.write_text(page.replace("</body>", f"<script>{MEASURE}</script></body>"), "utf-8")
        dumped = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--timeout=30000",
             "--dump-dom", path.as_uri()],
            capture_output=True, text=True, check=True, timeout=300,
        ).stdout  # fmt: skip
    times = re.search(r'data-times="([^"]+)"', dumped)
    if times is None:
        raise SystemExit("The page gave no times. Open it by hand and look at its console.")
    return json.loads(times[1].replace("&quot;", '"'))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="where to write the page")
    chosen = parser.parse_args()
    tables, sessions = simulated(chosen.visits)
    start = time.perf_counter()
    page = cohort_page(tables, sessions, version="0")
    print(f"{chosen.visits} visits of {len(sessions)} people")
    print(f"written in {time.perf_counter() - start:.1f} s, {len(page.encode()) / 1e6:.1f} MB")
    if chosen.keep:
        chosen.keep.write_text(page, "utf-8")
    for name, milliseconds in opened(page).items():
        print(f"{name}: {milliseconds:.0f} ms")


if __name__ == "__main__":
    main()
