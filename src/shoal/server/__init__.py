"""The page and its API over one workspace: safe by default, items are integers, nothing names a path."""
