from .deeplab_v2_head import DeepLabV2Head
from .dpt_map_head import DPTMapHead
from .dropout_aspp_head import DropoutASPPHead
from .shuffle_psp_head import ShufflePSPHead

__all__ = [
    'DPTMapHead',
    'DeepLabV2Head',
    'DropoutASPPHead',
    'ShufflePSPHead',
]
