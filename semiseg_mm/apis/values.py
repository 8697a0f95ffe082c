"""Checks the values of a config that people set most often.

A wrong one is a traceback of torch or mmengine otherwise, some of them after the data are read.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mmengine.config import Config

from semiseg_mm.errors import UserError


class Rule(NamedTuple):
    """What a value must be: for people, and as a function."""

    text: str
    holds: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(least: int, most: int | None = None) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        return type(value) is int and least <= value and (most is None or value <= most)

    return holds


def _is_size(value: Any) -> bool:
    pair = [value] if isinstance(value, int) else value
    listed = isinstance(pair, (list, tuple)) and (pair is not value or len(pair) == 2)
    return value is None or (listed and all(map(_whole(1), pair)))


def _is_scale(value: Any) -> bool:
    factors = isinstance(value, (list, tuple)) and len(value) > 0
    return value is None or (factors and all(_number(one) and one > 0 for one in value))


def _each(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (list, tuple)) and all(map(holds, value))


def _one_or_each(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: holds(value) or _each(holds)(value)


NOT_NEGATIVE = Rule('a number, 0 or greater', lambda value: _number(value) and value >= 0)
SHARE = Rule('a number from 0 to 1', lambda value: _number(value) and 0 <= value <= 1)
OR_NONE = Rule(
    'a number, 0 or greater, or None', lambda value: value is None or NOT_NEGATIVE.holds(value)
)
COUNT = Rule('a whole number, 1 or greater', _whole(1))
COUNT_FROM_0 = Rule('a whole number, 0 or greater', _whole(0))
SIZE = Rule(
    'a whole number, 1 or greater, or None', lambda value: value is None or COUNT.holds(value)
)
NUMBERS = Rule('a list of numbers, or None', lambda value: value is None or _each(_number)(value))
YES_OR_NO = Rule('True or False', lambda value: isinstance(value, bool))
METRICS = Rule(
    'a list of mIoU, mDice and mFscore', _each(lambda one: one in ('mIoU', 'mDice', 'mFscore'))
)
LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')
WHOLE = Rule('a whole number', lambda value: type(value) is int)
RULES: dict[str, Rule] = {
    'train_dataloader.dataset.crop_size': Rule('(height, width), both 1 or greater', _is_size),
    'train_dataloader.dataset.scale': Rule(
        'a range (low, high), or a list of factors, all above 0', _is_scale
    ),
    'train_dataloader.dataset.max_broken': SHARE,
    'train_dataloader.sampler.labeled': COUNT,
    'train_dataloader.sampler.unlabeled': COUNT_FROM_0,
    **{f'{name}_dataloader.num_workers': COUNT_FROM_0 for name in ('train', 'val', 'test')},
    'train_dataloader.batch_size': SIZE,
    **{f'{name}_dataloader.batch_size': COUNT for name in ('val', 'test')},
    **{f'{name}_evaluator.iou_metrics': METRICS for name in ('val', 'test')},
    'optim_wrapper.accumulative_counts': COUNT,
    'optim_wrapper.optimizer.lr': OR_NONE,  # Adafactor finds its own
    'optim_wrapper.optimizer.weight_decay': NOT_NEGATIVE,
    'optim_wrapper.optimizer.momentum': NOT_NEGATIVE,
    'optim_wrapper.clip_grad.max_norm': NOT_NEGATIVE,
    'default_hooks.checkpoint.interval': COUNT,
    'default_hooks.checkpoint.max_keep_ckpts': WHOLE,
    'default_hooks.logger.interval': COUNT,
    'randomness.seed': Rule(
        'a whole number from 0 to 2^32 - 1, or None',
        lambda value: value is None or _whole(0, 2**32 - 1)(value),
    ),
    'auto_scale_lr.base_batch_size': COUNT,
    'log_level': Rule(f'one of {", ".join(LEVELS)}', lambda value: value in LEVELS),
    'runner_type': Rule('a name', lambda value: isinstance(value, str)),
    'load_from': Rule('a path, or None', lambda value: value is None or isinstance(value, str)),
    'model.num_classes': COUNT,
    'model.weight': Rule('a number', lambda value: value is not None and type(value) is not str),
    'model.strong_views': Rule('a list of names', _each(lambda one: isinstance(one, str))),
    'model.segmentor.data_preprocessor.mean': NUMBERS,
    'model.segmentor.data_preprocessor.std': NUMBERS,
    'model.segmentor.data_preprocessor.bgr_to_rgb': YES_OR_NO,
    'model.segmentor.data_preprocessor.rgb_to_bgr': YES_OR_NO,
    'model.segmentor.decode_head.num_classes': COUNT,
    'model.segmentor.decode_head.align_corners': YES_OR_NO,
    'model.segmentor.decode_head.norm_cfg.requires_grad': YES_OR_NO,
    'model.segmentor.decode_head.channels': COUNT,
    'model.segmentor.decode_head.num_convs': COUNT_FROM_0,
    'model.segmentor.decode_head.in_channels': Rule(
        'a whole number, 1 or greater, or a list of them', _one_or_each(_whole(1))
    ),
    'model.segmentor.decode_head.in_index': Rule(
        'a whole number, or a list of them', _one_or_each(lambda one: type(one) is int)
    ),
    'model.segmentor.decode_head.dropout_ratio': Rule(
        'a number from 0 to 1, or -1 for none', lambda value: value == -1 or SHARE.holds(value)
    ),
}


def check_values(cfg: Config) -> None:
    """Stop at a value that cannot be meant; the key, the value and what is expected are named."""
    for path, rule in RULES.items():
        *parents, name = path.split('.')
        part: Any = cfg._cfg_dict
        for parent in parents:
            part = part.get(parent) if isinstance(part, Mapping) else None
        if isinstance(part, Mapping) and name in part and not rule.holds(part[name]):
            raise UserError(f'{path}={part[name]!r}: give {rule.text}.')
