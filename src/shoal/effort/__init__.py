"""How much work it is to label a pile: a deterministic simulated annotator, and its rivals without a map."""

from shoal.effort.annotator import Learn, Learned, measure_effort
from shoal.effort.curve import Effort
from shoal.effort.rivals import Choose, linear_probe, measure_clicks, most_uncertain, one_at_a_time

__all__ = [
    "Choose",
    "Effort",
    "Learn",
    "Learned",
    "linear_probe",
    "measure_clicks",
    "measure_effort",
    "most_uncertain",
    "one_at_a_time",
]
