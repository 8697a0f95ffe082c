from .deep_stem import PretrainedDeepStem
from .dinov2 import DINOv2
from .wide_resnet38 import WideResNet38

__all__ = ['DINOv2', 'PretrainedDeepStem', 'WideResNet38']
