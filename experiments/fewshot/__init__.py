"""Few-shot episodes on Omniglot: prototypes, relations, attention, silhouettes."""
