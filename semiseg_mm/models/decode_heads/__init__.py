from .deeplab_v2_head import DeepLabV2Head
from .dpt_map_head import DPTMapHead
from .dropout_aspp_head import DropoutASPPHead
from .image_class_head import ImageClassHead
from .shuffle_psp_head import ShufflePSPHead

__all__ = [
    'DPTMapHead',
    'DeepLabV2Head',
    'DropoutASPPHead',
    'ImageClassHead',
    'ShufflePSPHead',
]
