from .centroids import CentroidIndex, build_index, crop_histogram, tile_centroids
from .collate import collate_views
from .samplers import (
    CentroidSampler,
    LabeledOversampleSampler,
    RequestStream,
    SourceRatioSampler,
)
from .semi_dataset import SemiDataset
from .shapes import LoadShapes, ShapesDataset
from .transforms import CheckLabels, LoadImage, MultiView, PackSemiInputs, ScaleCrop, StrongView
from .unlabeled import UnlabeledDataset

__all__ = [
    'CentroidIndex',
    'CentroidSampler',
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
    'build_index',
    'collate_views',
    'crop_histogram',
    'tile_centroids',
]
