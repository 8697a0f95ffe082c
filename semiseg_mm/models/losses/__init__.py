from .adversarial import discrimination, judged_as
from .average import average
from .class_sampled_cross_entropy import ClassSampledCrossEntropy
from .directional_contrast import DirectionalContrast
from .masked_cross_entropy import MaskedCrossEntropy
from .mutual_cross_entropy import MutualCrossEntropy
from .ohem_cross_entropy import ProbOhemCrossEntropy
from .overlap_cells import Pixels, shared, shrunk, unflipped
from .probability_kl import ProbabilityKL
from .probability_mse import ProbabilityMSE
from .ramps import sigmoid_rampup
from .unreliable_contrast import UnreliableContrast, nearest_pixel

__all__ = [
    'ClassSampledCrossEntropy',
    'DirectionalContrast',
    'MaskedCrossEntropy',
    'MutualCrossEntropy',
    'Pixels',
    'ProbOhemCrossEntropy',
    'ProbabilityKL',
    'ProbabilityMSE',
    'UnreliableContrast',
    'average',
    'discrimination',
    'judged_as',
    'nearest_pixel',
    'shared',
    'shrunk',
    'sigmoid_rampup',
    'unflipped',
]
