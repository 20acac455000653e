"""Days and years."""

from datetime import date

import pandas as pd
import pytest

from mslesion.errors import TableError
from mslesion.schema.time import days_between, iso_day, years_between


def test_time_between():
    # 2020 is a leap year: 366 days, 366 / 365.25 years
    first, second = date(2020, 1, 1), date(2021, 1, 1)
    assert days_between(first, second) == 366
    assert days_between(second, first) == -366
    assert years_between(first, second) == pytest.approx(1.002053, abs=1e-6)
    assert years_between(second, first) == pytest.approx(-1.002053, abs=1e-6)
    assert years_between(first, first) == 0


@pytest.mark.parametrize("pair", [(None, date(2021, 1, 1)), (date(2021, 1, 1), None), (None, None)])
def test_time_without_a_date(pair):
    assert days_between(*pair) is None
    assert years_between(*pair) is None


@pytest.mark.parametrize("missing", [None, "", float("nan"), pd.NA, pd.NaT])
def test_a_day_that_is_not_known(missing):
    assert iso_day(missing) is None


@pytest.mark.parametrize("text", ["31.01.2020", "2020-02-30", "M12", pd.Timestamp(2020, 1, 31)])
def test_a_cell_that_is_no_day(text):
    with pytest.raises(TableError, match=r"A result table has the date .*YYYY-MM-DD is expected"):
        iso_day(text)
