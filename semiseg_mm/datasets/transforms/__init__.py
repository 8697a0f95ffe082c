from .check import CheckLabels
from .pack import PackSemiInputs
from .scale_crop import ScaleCrop
from .strong import StrongView
from .views import MultiView

__all__ = ['CheckLabels', 'MultiView', 'PackSemiInputs', 'ScaleCrop', 'StrongView']
