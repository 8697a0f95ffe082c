from mmengine.logging import print_log
from torch import nn

from semiseg_mm.errors import UserError

PREFIX = 'networks.'


def spread_checkpoint(model: nn.Module, state_dict: dict, prefix: str, *_) -> None:
    """Let the checkpoint of one network load: give each network of a method a copy of it.

    It is a plain mmseg checkpoint, or that of a method whose network has another name.
    """
    own = [key for key in state_dict if key.startswith(prefix + PREFIX)]
    names = sorted({key[len(prefix + PREFIX) :].split('.')[0] for key in own})
    if set(model.networks.keys()) <= set(names):
        return
    if len(names) > 1:
        raise UserError(
            f'The checkpoint holds the networks {", ".join(names)}, but this method has '
            f'{", ".join(model.networks.keys())}: take out one with semiseg_mm publish '
            '--network, and start from that.'
        )
    for key in own:
        inner = key[len(f'{prefix}{PREFIX}{names[0]}.') :]
        state_dict[prefix + inner] = state_dict.pop(key)
    # what a network consists of; all else belongs to the method that wrote the checkpoint
    parts = {
        f'{prefix}{name}' for net in model.networks.values() for name, _ in net.named_children()
    }
    spread = [
        key for key in state_dict if '.'.join(key.split('.')[: prefix.count('.') + 1]) in parts
    ]
    if not spread:
        return
    if len(model.students) > 1:
        print_log(
            f'A checkpoint of one network was loaded into {len(model.students)}: in a training '
            'they start equal, and teach each other nothing until their updates differ.',
            'current',
            level=30,
        )
    for key in spread:
        value = state_dict.pop(key)
        for name in model.networks:
            state_dict[f'{prefix}{PREFIX}{name}.{key[len(prefix) :]}'] = value
    if own:  # of another method of ours: what stood beside its network means nothing here
        for key in [key for key in state_dict if key.startswith(prefix)]:
            if not key.startswith(prefix + PREFIX):
                del state_dict[key]
    for key, value in model.state_dict().items():  # what stands beside the networks stays as it is
        if not key.startswith(PREFIX):
            state_dict.setdefault(prefix + key, value)


def unwrap_checkpoint(guide: nn.Module, state_dict: dict, prefix: str, *_) -> None:
    """Let a frozen network load a checkpoint of this package; stop if nothing of it would fit."""
    if prefix:  # loaded with the method that it belongs to
        return
    own = [key for key in state_dict if key.startswith(PREFIX)]
    names = sorted({key.split('.')[1] for key in own})
    if len(names) > 1:
        raise UserError(
            f'The checkpoint of a guide holds the networks {", ".join(names)}: take out one with '
            'semiseg_mm publish --network.'
        )
    for key in own:
        state_dict[key.split('.', 2)[2]] = state_dict.pop(key)
    if not state_dict.keys() & guide.state_dict().keys():
        raise UserError(
            f'The checkpoint of a guide has no weight of a {type(guide).__name__}: its keys begin '
            f'with {", ".join(sorted({key.split(".")[0] for key in state_dict})[:3])}.'
        )
