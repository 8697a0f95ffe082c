from .centroid import CentroidSampler
from .labeled_oversample import LabeledOversampleSampler
from .source_ratio import SourceRatioSampler
from .stream import RequestStream, ShuffledOrder

__all__ = [
    'CentroidSampler',
    'LabeledOversampleSampler',
    'RequestStream',
    'ShuffledOrder',
    'SourceRatioSampler',
]
