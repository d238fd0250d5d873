"""DeepCluster from nothing on small pictures: what it learns, and whether the critic's repair helps."""
