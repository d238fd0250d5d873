"""Which index finds the right partition: Arbelaitz et al. (2013)."""
