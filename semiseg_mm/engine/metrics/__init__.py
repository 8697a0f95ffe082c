from .confusion_metric import ConfusionMetric

__all__ = ['ConfusionMetric']
