from .bands import LoadBands
from .check import CheckLabels
from .confidence import IgnoreUncertain, LoadConfidence
from .cut_out import CutOut
from .load import LoadImage
from .load_labels import LoadAnnotations
from .pack import PackSemiInputs
from .random_ops import RandomOps
from .scale_crop import DrawScale, ScaleCrop
from .strong import StrongView
from .views import MultiView

__all__ = [
    'CheckLabels',
    'CutOut',
    'DrawScale',
    'IgnoreUncertain',
    'LoadAnnotations',
    'LoadConfidence',
    'LoadBands',
    'LoadImage',
    'MultiView',
    'PackSemiInputs',
    'RandomOps',
    'ScaleCrop',
    'StrongView',
]
