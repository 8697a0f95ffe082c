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
            f'{", ".join(model.networks.keys())}: take out one with tools/publish_model.py '
            '--network, and start from that.'
        )
    for key in own:
        inner = key[len(f'{prefix}{PREFIX}{names[0]}.') :]
        state_dict[prefix + inner] = state_dict.pop(key)
    state_dict.pop(f'{prefix}teacher_steps', None)
    heads = (f'{prefix}backbone.', f'{prefix}decode_head.')
    if not any(key.startswith(heads) for key in state_dict):
        return
    students = model.students
    if len(students) > 1:
        print_log(
            f'A checkpoint of one network was loaded into {len(students)}: they start equal and '
            'teach each other nothing until their updates differ.',
            'current',
            level=30,
        )
    for key in [key for key in state_dict if key.startswith(prefix)]:
        value = state_dict.pop(key)
        for name in model.networks:
            state_dict[f'{prefix}{PREFIX}{name}.{key[len(prefix) :]}'] = value
    state_dict[f'{prefix}teacher_steps'] = model.teacher_steps
