"""The data dictionary of a table: what each column means, how it was measured, how well."""

from mslesion.schema.columns import NOT_MEASURED, Table
from mslesion.schema.measured_errors import error_text
from mslesion.schema.prerequisites import empty_when


def sidecar(table: Table) -> dict:
    """The data dictionary of a table, in the form of a BIDS sidecar.

    Parameters
    ----------
    table : Table
        The declaration.

    Returns
    -------
    dict
        Column name to Description, and Units, Levels and Source where there are any; then Method
        (how it was measured), MeasuredError (of what is measured, with its data) and EmptyWhen.
    """
    dictionary = {}
    for column in table.columns:
        entry: dict[str, object] = {"Description": column.description}
        if column.units:
            entry["Units"] = column.units
        if column.levels:
            entry["Levels"] = dict(column.levels)
        if column.source:
            entry["Source"] = column.source
        if column.method:
            entry["Method"] = column.method
        if column.method not in ("", *NOT_MEASURED):
            entry["MeasuredError"] = error_text(table, column)
        entry["EmptyWhen"] = empty_when(column)
        dictionary[column.name] = entry
    return dictionary
