"""What a round computes in closed form, with numpy alone: a probe, its confidences, "none of these"."""
