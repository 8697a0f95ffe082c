from .collate import collate_views
from .samplers import LabeledOversampleSampler, RequestStream, SourceRatioSampler
from .semi_dataset import SemiDataset
from .shapes import LoadShapes, ShapesDataset
from .transforms import CheckLabels, LoadImage, MultiView, PackSemiInputs, ScaleCrop, StrongView
from .unlabeled import UnlabeledDataset

__all__ = [
    'CheckLabels',
    'LabeledOversampleSampler',
    'LoadImage',
    'LoadShapes',
    'MultiView',
    'PackSemiInputs',
    'RequestStream',
    'ScaleCrop',
    'SemiDataset',
    'ShapesDataset',
    'SourceRatioSampler',
    'StrongView',
    'UnlabeledDataset',
    'collate_views',
]
