"""Finding over vectors: look-alikes, near-duplicates, outliers, and what a lasso holds by mistake."""

from shoal.finding.belonging import Belonging, belonging, trustworthiness
from shoal.finding.duplicates import difference_hash, duplicate_groups
from shoal.finding.oddities import odd_labels, outliers
from shoal.finding.space import NEIGHBOURS, Space

__all__ = [
    "NEIGHBOURS",
    "Belonging",
    "Space",
    "belonging",
    "difference_hash",
    "duplicate_groups",
    "odd_labels",
    "outliers",
    "trustworthiness",
]
