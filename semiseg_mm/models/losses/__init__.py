from .masked_cross_entropy import MaskedCrossEntropy
from .probability_mse import ProbabilityMSE
from .ramps import sigmoid_rampup

__all__ = ['MaskedCrossEntropy', 'ProbabilityMSE', 'sigmoid_rampup']
