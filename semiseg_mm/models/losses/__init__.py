from .adversarial import discrimination, judged_as, truth_map
from .average import average
from .class_sampled_cross_entropy import ClassSampledCrossEntropy
from .clean_contrast import CleanContrast
from .directional_contrast import DirectionalContrast
from .flaws import flaw_target, marked_flaws
from .image_classes import ImageClassLoss, LogitCosine, classes_in, image_class_loss
from .masked_cross_entropy import MaskedCrossEntropy
from .mutual_cross_entropy import MutualCrossEntropy
from .ohem_cross_entropy import ProbOhemCrossEntropy
from .overlap_cells import Pixels, shared, shrunk, unflipped
from .pixel_contrast import nearest_pixel
from .probability_kl import ProbabilityKL
from .probability_mse import ProbabilityMSE
from .ramps import sigmoid_rampup
from .regional_contrast import RegionalContrast
from .unreliable_contrast import UnreliableContrast

__all__ = [
    'ClassSampledCrossEntropy',
    'CleanContrast',
    'DirectionalContrast',
    'ImageClassLoss',
    'LogitCosine',
    'MaskedCrossEntropy',
    'MutualCrossEntropy',
    'Pixels',
    'ProbOhemCrossEntropy',
    'ProbabilityKL',
    'ProbabilityMSE',
    'RegionalContrast',
    'UnreliableContrast',
    'average',
    'classes_in',
    'discrimination',
    'flaw_target',
    'image_class_loss',
    'judged_as',
    'marked_flaws',
    'nearest_pixel',
    'shared',
    'shrunk',
    'sigmoid_rampup',
    'truth_map',
    'unflipped',
]
