"""Tables as files: values as text, CSV and dictionary, TSV for BIDS, plain rows."""

import json

import numpy as np
import pandas as pd
import pytest

from mslesion.errors import TableError
from mslesion.io.tables import (
    as_text,
    format_value,
    merged,
    rows_of,
    show_value,
    write_csv,
    write_json,
    write_tsv,
)
from mslesion.schema import LESIONS, VISITS, Column, Table, as_table, empty_table, sidecar

SMALL = Table(
    "small",
    "For the test.",
    (
        Column("name", "string", "Text."),
        Column("size_mm", "float64", "Number.", "mm"),
        Column("count", "Int64", "Count."),
        Column("is_so", "boolean", "Flag."),
    ),
    ("name",),
)
ROWS = [
    {"name": "b, with comma", "size_mm": 1 / 3, "count": 7, "is_so": True},
    {"name": 'a "quoted"\nline', "size_mm": None, "count": None, "is_so": None},
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (float("nan"), ""), (np.nan, ""), (pd.NA, ""), ("", ""), ("n", "n"),
        (True, "true"), (np.False_, "false"), (3, "3"), (np.int64(-3), "-3"), (0.0, "0"),
        (1234567.0, "1.23457e+06"), (123456.0, "123456"), (0.1 + 0.2, "0.3"),
        (np.float32(0.5), "0.5"), (1e-7, "1e-07"), (-2.0, "-2"),
    ],
)  # fmt: skip
def test_values_as_text(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (np.nan, ""), (pd.NA, ""), ("n", "n"), (True, "yes"), (np.False_, "no"),
        (1234, "1234"), (np.int64(7), "7"), (0.0, "0"), (-0.0, "0"), (0.557056, "0.557"),
        (1103.47, "1103"), (99.96, "100"), (100.4, "100"), (99.94, "99.9"), (-0.25149, "-0.251"),
        (1234567.0, "1234570"), (0.00041234, "0.000412"), (34.0, "34"), (-0.0004, "-0.0004"),
    ],
)  # fmt: skip
def test_values_for_the_eye(value, text):
    assert show_value(value) == text


def test_csv_and_its_dictionary(tmp_path):
    path = write_csv(as_table(ROWS, SMALL), SMALL, tmp_path / "new")
    # Sorted by name; a third with six digits; what is missing is nothing
    assert path.read_text("utf-8") == (
        'name,size_mm,count,is_so\n"a ""quoted""\nline",,,\n"b, with comma",0.333333,7,true\n'
    )
    assert json.loads((tmp_path / "new/small.json").read_text("utf-8")) == sidecar(SMALL)
    assert [p.name for p in sorted((tmp_path / "new").iterdir())] == ["small.csv", "small.json"]


def test_csv_is_read_back_as_declared(tmp_path):
    frame = as_table(ROWS, SMALL)
    back = pd.read_csv(write_csv(frame, SMALL, tmp_path))
    again = as_table(back, SMALL)
    assert list(again["count"]) == list(frame["count"])
    assert again["size_mm"].to_numpy() == pytest.approx(frame["size_mm"].to_numpy(), nan_ok=True)


@pytest.mark.parametrize("table", [VISITS, LESIONS, SMALL], ids=lambda table: table.name)
def test_no_rows_are_a_header(tmp_path, table):
    path = write_csv(empty_table(table), table, tmp_path)
    assert path.read_text() == ",".join(table.names) + "\n"


def test_a_frame_of_another_shape_is_refused():
    frame = as_table(ROWS, SMALL)
    with pytest.raises(TableError, match="small has other columns than declared"):
        as_text(frame.drop(columns="count"), SMALL)
    with pytest.raises(TableError, match="'count' of type float64, but Int64 is declared"):
        as_text(frame.assign(count=[1.0, 2.0]), SMALL)


def test_tsv_has_na_for_what_is_missing(tmp_path):
    write_tsv(as_table([*ROWS[:1], {"name": "z"}], SMALL), tmp_path / "t.tsv")
    lines = (tmp_path / "t.tsv").read_text().splitlines()
    assert lines == [
        "name\tsize_mm\tcount\tis_so", "b, with comma\t0.333333\t7\ttrue", "z\tn/a\tn/a\tn/a"
    ]  # fmt: skip
    write_tsv(empty_table(SMALL), tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text() == "name\tsize_mm\tcount\tis_so\n"


def test_json_keeps_letters(tmp_path):
    write_json({"Unit": "mm³"}, tmp_path / "a/b.json")
    assert (tmp_path / "a/b.json").read_bytes() == '{\n  "Unit": "mm³"\n}\n'.encode()


def test_rows_are_plain_and_come_back():
    frame = as_table(ROWS, SMALL)
    rows = rows_of(frame)
    assert rows[0]["size_mm"] is rows[0]["count"] is rows[0]["is_so"] is None
    assert type(rows[1]["count"]) is int
    assert type(rows[1]["is_so"]) is bool
    assert json.loads(json.dumps(rows)) == rows
    pd.testing.assert_frame_equal(as_table(rows, SMALL), frame)


def test_merged_tables_are_sorted():
    first, second = as_table(ROWS[:1], SMALL), as_table(ROWS[1:], SMALL)
    whole = merged([first, second, empty_table(SMALL)], SMALL)
    assert list(whole["name"]) == [ROWS[1]["name"], ROWS[0]["name"]]
    pd.testing.assert_frame_equal(merged([], SMALL), empty_table(SMALL))
