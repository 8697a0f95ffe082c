from .agreement import image_agreement
from .context import ContextPseudoLabel
from .entropy import entropy_of, quantile
from .filters import ConfidentShare, MeanConfidence, RunningThreshold, Threshold, TopShare
from .hard import HardPseudoLabel
from .logits import LogitPseudoLabel
from .observing import filtered, labeled_by, observe, observe_logits
from .propagation import draw_regions, propagate, spread_logits
from .soft import SoftPseudoLabel
from .stored import stored_label

__all__ = [
    'ConfidentShare',
    'ContextPseudoLabel',
    'HardPseudoLabel',
    'LogitPseudoLabel',
    'MeanConfidence',
    'RunningThreshold',
    'SoftPseudoLabel',
    'Threshold',
    'TopShare',
    'draw_regions',
    'entropy_of',
    'filtered',
    'image_agreement',
    'labeled_by',
    'observe',
    'observe_logits',
    'propagate',
    'quantile',
    'spread_logits',
    'stored_label',
]
