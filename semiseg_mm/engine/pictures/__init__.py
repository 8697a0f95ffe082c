"""Pictures of what a training sees: every view of an image, its label, what of it counts."""

from .panels import Look, first_batch, look_at
from .sheet import draw_sheet

__all__ = ['Look', 'draw_sheet', 'first_batch', 'look_at']
