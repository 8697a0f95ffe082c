from abc import ABC, abstractmethod

from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from semiseg_mm.errors import UserError

COUNTER = 'num_batches_tracked'  # older files lack it


class RenamedWeights(ABC):
    """Start a backbone from a file in which its weights have other names.

    Every weight must find its place: mmengine's ``Pretrained`` would leave out what it does not
    know, and only log it. Subclasses say what the names are, and what to do about a file that does
    not fit.

    Args:
        checkpoint: File, URL, or package://NAME/PATH for a file of an installed package.
        prefix: What stands before the names of the backbone, as in a trained network.
    """

    other_shapes = other_names = ''  # what to do; the ends of the messages

    def __init__(self, checkpoint: str, prefix: str = '') -> None:
        self.checkpoint, self.prefix = checkpoint, prefix

    @abstractmethod
    def renamed(self, state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
        """Return the weights by the names of the module, without what it shall not have."""

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
        state = self.renamed(state, module)
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
                f'{shapes}. {self.other_shapes}'
            )
        if lost or foreign:
            raise UserError(
                f'{self.checkpoint} does not fit the backbone: {_some("it lacks", lost)}'
                f'{_some("the backbone has no place for", foreign)}{self.other_names}'
            )


def _some(what: str, keys: list[str]) -> str:
    return f'{what} {", ".join(keys[:3])}{", …" * (len(keys) > 3)}. ' if keys else ''
