"""Every projector on the same layers: quality, gestures, time, memory."""
