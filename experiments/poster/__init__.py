"""The triplet poster's losses and its metric, beside the right ones."""
