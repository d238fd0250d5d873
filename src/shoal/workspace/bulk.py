"""Reading a million rows: an object for each of them would take most of the time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, String, cast, func, select


def whole_numbers(connection: Connection, query: Select[Any]) -> list[NDArray[np.int64]]:
    """Return the columns (N,) of a query of whole numbers, none of them null, all in one order.

    The database writes each column as one text: of a million rows of six, five times as fast as row by row.
    """
    table = query.subquery()
    lists = [func.aggregate_strings(cast(column, String), ",") for column in table.c]
    texts = connection.execute(select(*lists)).one()
    return [np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64) for text in texts]


def plain_rows(connection: Connection, query: Select[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query as the database's driver gives them, without what columns make of them."""
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text)
        return list(cursor.fetchall())
    finally:
        cursor.close()
