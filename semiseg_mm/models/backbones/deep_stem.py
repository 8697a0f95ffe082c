import re

from torch import Tensor, nn

from semiseg_mm.registry import WEIGHT_INITIALIZERS

from .renamed_weights import RenamedWeights

CLASSIFIER = 'fc.'  # of ImageNet: no part of a backbone


@WEIGHT_INITIALIZERS.register_module()
class PretrainedDeepStem(RenamedWeights):
    """Start a ResNetV1c from a file whose weights have the names of TorchSemiSeg and UniMatch.

    There the stem's convolutions are ``conv1.0``, ``conv1.3``, ``conv1.6`` and its last norm is
    ``bn1``; in mmseg they are ``stem.0`` to ``stem.7``. Every weight must find its place.

    Args:
        checkpoint: File or URL.
        prefix: What stands before the names of the backbone, as in a trained network.
    """

    other_shapes = (
        'Set stem_channels=128 (3x3 convolutions of 64, 64, 128) and the depth of the file.'
    )
    other_names = (
        'PretrainedDeepStem wants a ResNetV1c and a file of TorchSemiSeg or UniMatch (a prefix, if '
        "the names have one); a file of mmseg or torchvision wants init_cfg.type='Pretrained'."
    )

    def renamed(self, state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
        return to_mmseg_names(state)


def to_mmseg_names(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a ResNet with a deep stem; its classifier is left out."""
    parts = ((r'^conv1\.(\d)\.', r'stem.\1.'), (r'^bn1\.', 'stem.7.'))
    renamed = {}
    for key, value in state_dict.items():
        if not key.startswith(CLASSIFIER):
            for pattern, name in parts:
                key = re.sub(pattern, name, key)
            renamed[key] = value
    return renamed
