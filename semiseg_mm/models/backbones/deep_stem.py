import re

from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import WEIGHT_INITIALIZERS

CLASSIFIER = 'fc.'  # of ImageNet: no part of a backbone
COUNTER = 'num_batches_tracked'  # older files lack it


@WEIGHT_INITIALIZERS.register_module()
class PretrainedDeepStem:
    """Start a ResNetV1c from a file whose weights have the names of TorchSemiSeg and UniMatch.

    There the stem's convolutions are ``conv1.0``, ``conv1.3``, ``conv1.6`` and its last norm is
    ``bn1``; in mmseg they are ``stem.0`` to ``stem.7``. Every weight must find its place:
    mmengine's ``Pretrained`` would leave the stem out and only log it.

    Args:
        checkpoint: File or URL.
        prefix: What stands before the names of the backbone, as in a trained network.
    """

    def __init__(self, checkpoint: str, prefix: str = '') -> None:
        self.checkpoint, self.prefix = checkpoint, prefix

    def __call__(self, module: nn.Module) -> None:
        print_log(f'load model from: {self.checkpoint}', 'current')
        found = CheckpointLoader.load_checkpoint(self.checkpoint, map_location='cpu')
        for key in ('state_dict', 'model'):
            found = found[key] if isinstance(found.get(key), dict) else found
        state = {
            key[len(self.prefix) :]: value
            for key, value in found.items()
            if key.startswith(self.prefix)
        }
        state = to_mmseg_names(state)
        self._check(module.state_dict(), state)
        module.load_state_dict(state, strict=False)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'{type(self).__name__}: {self.checkpoint}')

    def _check(self, own: dict[str, Tensor], state: dict[str, Tensor]) -> None:
        lost = [key for key in own if key not in state and not key.endswith(COUNTER)]
        foreign = [key for key in state if key not in own]
        other = [key for key in state if key in own and state[key].shape != own[key].shape]
        if other:
            shapes = ' and '.join(str(tuple(one[other[0]].shape)) for one in (state, own))
            raise UserError(
                f'{self.checkpoint} has other shapes than the backbone, first of {other[0]}: '
                f'{shapes}. Set stem_channels=128 (3x3 convolutions of 64, 64, 128) and the depth '
                'of the file.'
            )
        if lost or foreign:
            raise UserError(
                f'{self.checkpoint} does not fit the backbone: {_some("it lacks", lost)}'
                f'{_some("the backbone has no place for", foreign)}PretrainedDeepStem wants a '
                'ResNetV1c and a file of TorchSemiSeg or UniMatch (a prefix, if the names have '
                "one); a file of mmseg or torchvision wants init_cfg.type='Pretrained'."
            )


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


def _some(what: str, keys: list[str]) -> str:
    return f'{what} {", ".join(keys[:3])}{", …" * (len(keys) > 3)}. ' if keys else ''
