"""Shoal: a map of thumbnails for any pile of images. Look, lasso, label, learn."""

__version__ = "0.1.0"
