"""Declared columns: types, checks and dictionaries."""

import numpy as np
import pandas as pd
import pytest

from mslesion.errors import TableError
from mslesion.schema import TABLES, Column, Table, as_table, check_table, empty_table, sidecar

BIRDS = Table(
    "birds",
    "One row per bird.",
    (
        Column("name", "string", "Name."),
        Column("kind", "string", "Kind.", levels={"owl": "hoots", "jay": "shouts"}),
        Column("mass_g", "float64", "Mass.", "g", "Scales 1999"),
        Column("egg_count", "Int64", "Eggs."),
        Column("flies", "boolean", "Whether it flies."),
    ),
    ("name",),
)
TYPES = ["string", "string", "float64", "Int64", "boolean"]


def test_rows_get_the_declared_order_types_and_sorting():
    rows = [
        {"egg_count": 3, "name": "b", "kind": "owl", "mass_g": 12, "flies": np.True_},
        {"name": "a", "kind": "jay", "mass_g": np.float32(0.5), "egg_count": np.int64(0)},
    ]
    frame = as_table(rows, BIRDS)
    assert list(frame.columns) == BIRDS.names
    assert [str(t) for t in frame.dtypes] == TYPES
    assert frame["name"].tolist() == ["a", "b"]
    assert frame.index.tolist() == [0, 1]
    assert frame["egg_count"].tolist() == [0, 3]
    assert frame["flies"].isna().tolist() == [True, False]
    check_table(frame, BIRDS)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_is_empty_in_every_type(missing):
    frame = as_table([dict.fromkeys(BIRDS.names, missing) | {"name": "a"}], BIRDS)
    assert frame.iloc[0, 1:].isna().all()
    assert [str(t) for t in frame.dtypes] == TYPES
    check_table(frame, BIRDS)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_beside_values(missing):
    full = {"name": "a", "kind": "owl", "mass_g": 1.5, "egg_count": 2, "flies": True}
    frame = as_table([full, dict.fromkeys(BIRDS.names, missing) | {"name": "b"}], BIRDS)
    assert frame.iloc[0].tolist() == list(full.values())
    assert frame.iloc[1, 1:].isna().all()


@pytest.mark.parametrize("table", [BIRDS, *TABLES], ids=lambda table: table.name)
def test_no_rows_have_all_columns_and_types(table):
    for frame in (empty_table(table), as_table([], table)):
        assert len(frame) == 0
        assert [str(t) for t in frame.dtypes] == [c.dtype for c in table.columns]
        check_table(frame, table)


def test_a_frame_is_taken_as_rows_and_comes_back_the_same():
    frame = as_table([{"name": "a", "egg_count": 2}, {"name": "b", "mass_g": 1.0}], BIRDS)
    pd.testing.assert_frame_equal(as_table(frame, BIRDS), frame)
    # Rows that were picked out keep their places although their index has gaps
    pd.testing.assert_frame_equal(
        as_table(frame[frame["name"] == "b"], BIRDS), frame[1:].reset_index(drop=True)
    )


def test_a_row_of_nothing_is_still_a_row():
    assert len(as_table([{}], BIRDS)) == 1


def test_undeclared_column():
    with pytest.raises(TableError, match="birds has the column 'wings', but it is not declared"):
        as_table([{"name": "a", "wings": 2}], BIRDS)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [("mass_g", "heavy", "float64"), ("egg_count", 2.5, "Int64"), ("flies", "maybe", "boolean")],
)
def test_value_of_another_type(name, value, kind):
    with pytest.raises(TableError, match=rf"column '{name}' a value that is not {kind}"):
        as_table([{"name": "a", name: value}], BIRDS)


def test_check_finds_missing_columns():
    frame = empty_table(BIRDS).drop(columns="flies")
    with pytest.raises(TableError, match=r"other columns than declared: \['flies'\]"):
        check_table(frame, BIRDS)


def test_check_finds_another_order():
    frame = empty_table(BIRDS)[[*BIRDS.names[1:], "name"]]
    with pytest.raises(TableError, match="birds has its columns in a different order"):
        check_table(frame, BIRDS)


def test_check_finds_other_types():
    frame = empty_table(BIRDS).astype({"egg_count": "float64"})
    with pytest.raises(TableError, match="'egg_count' of type float64, but Int64 is declared"):
        check_table(frame, BIRDS)


def test_check_finds_undeclared_levels():
    frame = as_table([{"name": "a", "kind": "cat"}, {"name": "b", "kind": None}], BIRDS)
    with pytest.raises(TableError, match="value 'cat' in column 'kind', but only owl, jay are"):
        check_table(frame, BIRDS)


def test_sidecar_says_only_what_is_known():
    never = {"EmptyWhen": "never"}
    assert sidecar(BIRDS) == {
        "name": {"Description": "Name."} | never,
        "kind": {"Description": "Kind.", "Levels": {"owl": "hoots", "jay": "shouts"}} | never,
        "mass_g": {"Description": "Mass.", "Units": "g", "Source": "Scales 1999"} | never,
        "egg_count": {"Description": "Eggs."} | never,
        "flies": {"Description": "Whether it flies."} | never,
    }
    weighed = BIRDS.columns[2]._replace(method="On scales.", empty_when="it flew away")
    assert sidecar(BIRDS._replace(columns=(weighed,)))["mass_g"] == {
        "Description": "Mass.", "Units": "g", "Source": "Scales 1999", "Method": "On scales.",
        "MeasuredError": "none yet", "EmptyWhen": "it flew away",
    }  # fmt: skip
