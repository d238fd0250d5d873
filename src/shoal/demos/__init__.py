"""Piles of real pictures to try Shoal on, fetched with the ordinary package clients."""

from shoal.demos.pile import Demo, Pile
from shoal.registry import Registry

__all__ = ["DEMOS", "Demo", "Pile"]

DEMOS = Registry(
    "demo",
    {
        "emoji": "shoal.demos.emoji:Emoji",
        "solar": "shoal.demos.solar:Solar",
        "fashion": "shoal.demos.fashion:Fashion",
    },
)
