from .adversarial import discrimination, judged_as, truth_map
from .average import average
from .class_sampled_cross_entropy import ClassSampledCrossEntropy
from .flaws import flaw_target, marked_flaws
from .masked_cross_entropy import MaskedCrossEntropy
from .ohem_cross_entropy import ProbOhemCrossEntropy
from .probability_kl import ProbabilityKL
from .probability_mse import ProbabilityMSE
from .ramps import sigmoid_rampup
from .unreliable_contrast import UnreliableContrast, nearest_pixel

__all__ = [
    'ClassSampledCrossEntropy',
    'MaskedCrossEntropy',
    'ProbOhemCrossEntropy',
    'ProbabilityKL',
    'ProbabilityMSE',
    'UnreliableContrast',
    'average',
    'discrimination',
    'flaw_target',
    'judged_as',
    'marked_flaws',
    'nearest_pixel',
    'sigmoid_rampup',
    'truth_map',
]
