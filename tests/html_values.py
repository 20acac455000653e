"""What a page says, taken apart: values with their table, row and column; text; controls."""

from html.parser import HTMLParser

import pandas as pd

from mslesion.io.tables import format_value, show_value
from mslesion.schema import TABLES

VOID = {"meta", "img", "br", "input", "path", "rect", "circle", "link", "line", "polyline"}
BY_NAME = {table.name: table for table in TABLES}


class Page(HTMLParser):
    """A parsed page."""

    def __init__(self, html):
        super().__init__()
        self.found, self.texts, self.open, self.tags = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag in VOID:
            return
        self.open.append([tag, attributes, ""])

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        name, attributes, text = self.open.pop()
        assert name == tag, f"<{name}> is closed by </{tag}>"
        if "data-column" in attributes:
            around = [a for _, a, _ in self.open if "data-table" in a] + (
                [attributes] if "data-table" in attributes else []
            )
            where = around[-1] if around else {}
            self.found.append(
                (where.get("data-table"), where.get("data-row"), attributes["data-column"],
                 attributes.get("data-value"), text.strip())
            )  # fmt: skip

    def handle_data(self, data):
        if any(tag in ("style", "script") for tag, _, _ in self.open):
            return
        self.texts.append(data)
        for one in self.open:
            one[2] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def read_table(path):
    """A CSV with every value as text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def check_values(html, csvs):
    """Assert that every value of a page is that of its CSV; give how many there were.

    Parameters
    ----------
    html : str
        A page.
    csvs : dict of str to DataFrame
        Tables as text by name.
    """
    page = Page(html)
    assert not page.open
    rows = {}
    for name, frame in csvs.items():
        key = list(BY_NAME[name].key)
        for row in frame.to_dict("records"):
            rows[name, "|".join(row[k] for k in key)] = row
    numbers = {
        (t.name, c.name) for t in TABLES for c in t.columns if c.dtype in ("float64", "Int64")
    }
    floats = {(t.name, c.name) for t in TABLES for c in t.columns if c.dtype == "float64"}
    for table, key, column, written, shown in page.found:
        assert table, (column, shown)
        expected = rows[table, key][column]
        assert written == expected, (table, key, column)
        if (table, column) in numbers and expected:
            number = float(expected) if (table, column) in floats else int(expected)
            assert shown in (show_value(number), format_value(number)), (table, key, column)
    return len(page.found)
