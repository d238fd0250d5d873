"""COREL: attraction and repulsion as a loss, for classification and for clustering afterwards."""
