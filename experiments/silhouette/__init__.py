"""The silhouette as a loss, against its rivals, on classes nobody has seen."""
