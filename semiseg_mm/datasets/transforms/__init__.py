from .check import CheckLabels
from .load import LoadImage
from .pack import PackSemiInputs
from .scale_crop import ScaleCrop
from .strong import StrongView
from .views import MultiView

__all__ = ['CheckLabels', 'LoadImage', 'MultiView', 'PackSemiInputs', 'ScaleCrop', 'StrongView']
