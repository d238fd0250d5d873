"""One file for each group of addresses; every function only parses, calls and answers."""
