from . import quiet_import  # noqa: F401  (mmseg's datasets, before others import them)
from .camvid import CamVidDataset
from .centroids import CentroidIndex, build_index, crop_histogram, tile_centroids
from .coco import COCO81Dataset
from .collate import collate_views
from .mapillary import MapillaryVistas12, MapillaryVistas20
from .pseudo_labeled import PseudoLabeledDataset
from .samplers import (
    CentroidSampler,
    LabeledOversampleSampler,
    RequestStream,
    SourceRatioSampler,
)
from .semi_dataset import SemiDataset
from .shapes import LoadShapes, ShapesDataset
from .transforms import (
    CheckLabels,
    CutOut,
    DrawScale,
    IgnoreUncertain,
    LoadAnnotations,
    LoadConfidence,
    LoadImage,
    MultiView,
    PackSemiInputs,
    RandomOps,
    ScaleCrop,
    StrongView,
)
from .unlabeled import UnlabeledDataset

__all__ = [
    'COCO81Dataset',
    'CamVidDataset',
    'CentroidIndex',
    'CentroidSampler',
    'CheckLabels',
    'CutOut',
    'DrawScale',
    'IgnoreUncertain',
    'LabeledOversampleSampler',
    'LoadAnnotations',
    'LoadConfidence',
    'LoadImage',
    'LoadShapes',
    'MapillaryVistas12',
    'MapillaryVistas20',
    'MultiView',
    'PackSemiInputs',
    'PseudoLabeledDataset',
    'RandomOps',
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
