from .centroid import CentroidSampler
from .labeled_oversample import LabeledOversampleSampler, oversampled
from .source_ratio import SourceRatioSampler
from .stream import RequestBatches, RequestStream, ShuffledOrder, sampler_of

__all__ = [
    'CentroidSampler',
    'LabeledOversampleSampler',
    'RequestBatches',
    'RequestStream',
    'ShuffledOrder',
    'SourceRatioSampler',
    'oversampled',
    'sampler_of',
]
