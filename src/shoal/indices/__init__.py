"""How good a set of vectors or positions is, as numbers."""
