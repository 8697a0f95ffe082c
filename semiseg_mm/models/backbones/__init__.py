from .deep_stem import PretrainedDeepStem
from .dinov2 import DINOv2
from .efficientnet_lite import EfficientNetLite, PretrainedEfficientNetLite
from .wide_resnet38 import WideResNet38

__all__ = [
    'DINOv2',
    'EfficientNetLite',
    'PretrainedDeepStem',
    'PretrainedEfficientNetLite',
    'WideResNet38',
]
