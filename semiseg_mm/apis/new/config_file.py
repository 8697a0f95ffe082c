"""Write a proposal down as a config."""

import textwrap
from collections.abc import Sequence

from .proposal import Proposal


def config_text(proposal: Proposal, classes: Sequence[str], palette: Sequence) -> str:
    """Return the config of a proposal: 15 lines, more for many classes."""
    alone = proposal.method == 'sup_only'
    bases = (
        (f'models/{proposal.network}', 'the network'),
        ('datasets/own_lists', 'train.txt, val.txt, unlabeled.txt of this folder'),
        (f'methods/{proposal.method}', 'labels alone' if alone else 'learns from unlabeled images'),
        (f'schedules/{proposal.schedule}', 'optimizer and learning rate'),
        ('default_runtime', 'logs and checkpoints'),
    )
    names = [f"'semiseg_mm::_base_/{base}.py'" for base, _ in bases]
    starts = ['_base_ = [', *[' ' * 10] * (len(bases) - 1)]
    ends = [*[','] * (len(bases) - 1), ']']
    lines = [f'{a}{b}{c}  # {why}' for a, b, c, (_, why) in zip(starts, names, ends, bases)]
    lines += _wrapped(f'classes = {list(classes)!r}', 'class 0, class 1, …')
    colours = [list(map(int, colour)) for colour in palette]
    lines += _wrapped(f'palette = {colours}', 'their colours')
    lines += [
        "own = dict(data_root='{{ fileDirname }}', "
        'metainfo=dict(classes=classes, palette=palette))',
        f'crop = dict(crop_size={proposal.crop}, scale={proposal.scale})  # scale: a zoom between',
    ]
    if alone:
        lines.append('dataset = dict(labeled=own, unlabeled=None, **crop)')
        sampler = f'dict(labeled={proposal.batch}, unlabeled=0, labeled_only=True)'
    else:
        views = 'views' if proposal.pretrained else 'strong_views'
        lines.append(f'dataset = dict(labeled=own, unlabeled=own, views=_base_.{views}, **crop)')
        sampler = f'dict(labeled={proposal.batch}, unlabeled={proposal.batch})'
    lines.append(f'train_dataloader = dict(dataset=dataset, sampler={sampler})  # an iteration')
    validation = 'dict(dataset=own)'
    if proposal.fit:
        size = f'({proposal.fit}, {proposal.fit})'
        resize = f"dict(type='Resize', scale={size}, keep_ratio=True)"
        lines.append(f'fit = [_base_.load, {resize}, *_base_.after]')
        validation = 'dict(dataset=dict(own, pipeline=fit))'
    lines += [
        f'val_dataloader = test_dataloader = {validation}',
        *_wrapped(_model(proposal, len(classes)), ''),
        f'train_cfg = dict(max_iters={proposal.iterations}, '
        f'val_interval={max(1, proposal.iterations // 4)})  # iterations; validate so often',
    ]
    if alone:
        lines.append(f'auto_scale_lr = dict(base_batch_size={proposal.batch})')
    return '\n'.join(lines) + '\n'


def _model(proposal: Proposal, classes: int) -> str:
    segmentor = '_base_.segmentor'
    if not proposal.reachable:
        segmentor = (
            'dict(_base_.segmentor, backbone=dict(_base_.segmentor.backbone, init_cfg=None))'
        )
    start = ''
    if not proposal.pretrained and proposal.method != 'sup_only':  # it knows nothing yet
        start = f", rampup_iters={int(0.85 * proposal.iterations)}, student_view='strong'"
    return f'model = dict(segmentor={segmentor}, num_classes={classes}{start})'


def _wrapped(line: str, comment: str) -> list[str]:
    """Return a line with a comment, as several lines if it is long (inside of brackets it may)."""
    first, *rest = textwrap.wrap(
        line, 98, subsequent_indent='    ', break_on_hyphens=False, break_long_words=False
    )
    comment = f'  # {comment}' if comment and len(first) + len(comment) < 96 else ''
    return [first + comment, *rest]
