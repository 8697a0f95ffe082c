"""Straight-line code with the network passes of each method: what a step must cost.

There is no data preprocessor, no padding, no hook and no log: normalised images in, loss out.
"""

from . import (  # they register theirs
    adversaries,
    embedded,
    mixing,
    peers,
    single_view,
    strong_views,
)
from .scene import BESIDE, CLASSES, MODULES, STRAIGHT, TEACHER, Scene, follow

__all__ = [
    'BESIDE',
    'CLASSES',
    'MODULES',
    'STRAIGHT',
    'TEACHER',
    'Scene',
    'adversaries',
    'embedded',
    'follow',
    'mixing',
    'peers',
    'single_view',
    'strong_views',
]
