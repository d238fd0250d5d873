"""What to label next: groups that lie together, regions nobody has named, labels that look wrong."""

from shoal.suggestions.groups import Group, suggest_groups
from shoal.suggestions.mistakes import Suspects, suspected_mistakes
from shoal.suggestions.novelties import novelties
from shoal.suggestions.order import next_items, typical_first

__all__ = [
    "Group",
    "Suspects",
    "next_items",
    "novelties",
    "suggest_groups",
    "suspected_mistakes",
    "typical_first",
]
