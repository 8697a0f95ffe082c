from .adversarial import discrimination, judged_as
from .class_sampled_cross_entropy import ClassSampledCrossEntropy
from .masked_cross_entropy import MaskedCrossEntropy
from .mutual_cross_entropy import MutualCrossEntropy
from .ohem_cross_entropy import ProbOhemCrossEntropy
from .probability_kl import ProbabilityKL
from .probability_mse import ProbabilityMSE
from .ramps import sigmoid_rampup
from .unreliable_contrast import UnreliableContrast, nearest_pixel

__all__ = [
    'ClassSampledCrossEntropy',
    'MaskedCrossEntropy',
    'MutualCrossEntropy',
    'ProbOhemCrossEntropy',
    'ProbabilityKL',
    'ProbabilityMSE',
    'UnreliableContrast',
    'discrimination',
    'judged_as',
    'nearest_pixel',
    'sigmoid_rampup',
]
