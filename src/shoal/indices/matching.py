"""The best one-to-one matching of two labellings' classes, from what they share only."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DENSE = 1 << 22
"""Tables of so many cells are matched whole; of larger ones only the cells that hold items are visited."""


def most_matched(table: "csr_matrix") -> int:
    """Return the most items that a one-to-one matching of the rows and columns of table (R, C) can hold.

    Classes that share no item, not even by way of others, do not touch each other's matching: each group of
    those that do is matched alone (Kuhn 1955; Jonker & Volgenant 1987 for large sparse ones).
    """
    from scipy.sparse import block_array
    from scipy.sparse.csgraph import connected_components

    whole = block_array([[None, table], [table.T, None]], format="csr")
    groups, group = connected_components(whole, directed=False)
    lines = np.bincount(group[: table.shape[0]], minlength=groups)
    columns = np.bincount(group[table.shape[0] :], minlength=groups)
    cells = table.tocoo()
    order = np.argsort(group[cells.row], kind="stable")
    row, column, held = cells.row[order], cells.col[order], cells.data[order]
    starts = np.searchsorted(group[row], np.arange(groups))
    # with one line or one column the fullest cell is the matching
    alone = np.minimum(lines, columns) == 1
    total = int(np.maximum.reduceat(held, starts)[alone].sum())
    ends = np.append(starts[1:], len(held))
    for each in np.flatnonzero(~alone):
        part = slice(starts[each], ends[each])
        total += _matched(row[part], column[part], held[part])
    return total


def _matched(row: NDArray[np.integer], column: NDArray[np.integer], held: NDArray[np.int64]) -> int:
    """Return the same of the cells (row, column) that hold so many items, all others being empty."""
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import csr_matrix

    lines, row = np.unique(row, return_inverse=True)
    columns, column = np.unique(column, return_inverse=True)
    table = csr_matrix((held, (row, column)), shape=(len(lines), len(columns)))
    if len(lines) * len(columns) > DENSE:
        return _matched_sparse(table if len(lines) <= len(columns) else table.T.tocsr())
    dense = table.toarray()
    return int(dense[linear_sum_assignment(dense, maximize=True)].sum())


def _matched_sparse(table: "csr_matrix") -> int:
    from scipy.sparse import csr_matrix, hstack
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    # each line may also take a column of its own that holds nothing, so that a full matching always exists
    lines, columns = table.shape
    dearest = int(table.data.max()) + 1
    costs = csr_matrix((dearest - table.data, table.indices, table.indptr), shape=table.shape)
    own = csr_matrix((np.full(lines, dearest), (np.arange(lines), np.arange(lines))), shape=(lines, lines))
    row, column = min_weight_full_bipartite_matching(hstack([costs, own], format="csr"))
    return int(np.asarray(table[row[column < columns], column[column < columns]]).sum())
