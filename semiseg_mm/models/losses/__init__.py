from .adversarial import discrimination, judged_as
from .class_sampled_cross_entropy import ClassSampledCrossEntropy
from .clean_contrast import CleanContrast
from .masked_cross_entropy import MaskedCrossEntropy
from .ohem_cross_entropy import ProbOhemCrossEntropy
from .pixel_contrast import nearest_pixel
from .probability_kl import ProbabilityKL
from .probability_mse import ProbabilityMSE
from .ramps import sigmoid_rampup
from .regional_contrast import RegionalContrast
from .unreliable_contrast import UnreliableContrast

__all__ = [
    'ClassSampledCrossEntropy',
    'CleanContrast',
    'MaskedCrossEntropy',
    'ProbOhemCrossEntropy',
    'ProbabilityKL',
    'ProbabilityMSE',
    'RegionalContrast',
    'UnreliableContrast',
    'discrimination',
    'judged_as',
    'nearest_pixel',
    'sigmoid_rampup',
]
