from .pipeline import predict_agreement, predict_labels
from .predictor import Prediction, Predictor, preprocess_of
from .source import ImageSource

__all__ = [
    'ImageSource',
    'Prediction',
    'Predictor',
    'predict_agreement',
    'predict_labels',
    'preprocess_of',
]
