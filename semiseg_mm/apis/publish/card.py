"""Writes what one must know of a published network: its model card."""

from __future__ import annotations

import os.path as osp
from typing import Any

from semiseg_mm.version import __version__

from .network import PublishedNetwork

CARD = 'MODEL_CARD.md'
UNKNOWN = 'not known (the checkpoint does not say)'
UNSAID = 'to be filled in: say under which licence the weights may be used'
NOT_MEASURED = """- Other data than the validation images: other cameras, places, seasons, sizes.
- The spread over seeds: this is one training with one seed.
- Whether its confidences are right as probabilities.
- Speed and memory."""


def card(
    published: PublishedNetwork,
    weights: str,
    config: str,
    digest: str,
    licence: str | None,
    front: str = '',
    picture: str | None = None,
) -> str:
    """Return the text of a card; ``weights`` and ``config`` are the names of the files beside."""
    parts = [
        f'{front}# {weights}' if not front else f'{front}\n# {_architecture(published)}',
        _what(published),
        *([f'![preview]({picture})'] if picture else []),
        f'Licence: {licence or UNSAID}.',
        f'## Classes\n\n{_classes(published.meta["dataset_meta"])}',
        f'## Training\n\n{_table(_training(published))}',
        f'## Data\n\n{_data(published)}',
        f'## Scores\n\n{_scores(published)}',
        f'## Not measured\n\n{NOT_MEASURED}',
        f'## How to load it\n\n{_loading(published, weights, config)}',
        f'sha256 of {weights}: `{digest}`',
    ]
    return '\n\n'.join(parts) + '\n'


def _architecture(published: PublishedNetwork) -> str:
    model = published.config.model
    heads = model.get('decode_head') or {}
    heads = heads if isinstance(heads, (list, tuple)) else [heads]
    kinds = [(model.get('backbone') or {}).get('type'), *(head.get('type') for head in heads)]
    return f'{model.type} ({", ".join(str(kind) for kind in kinds if kind)})'


def _what(published: PublishedNetwork) -> str:
    return (
        f'A network for semantic segmentation: it gives each pixel of an image a class. '
        f'{_architecture(published)}, the network `{published.name}` of '
        f'{published.training.model.type}, trained with semiseg_mm (version {__version__} wrote '
        'this card).'
    )


def _classes(about: dict) -> str:
    palette = about.get('palette') or []
    colours = [f'{tuple(map(int, colour))}' for colour in palette]
    rows = [
        f'| {k} | {name} | {colours[k] if k < len(colours) else ""} |'
        for k, name in enumerate(about.get('classes') or ())
    ]
    return '\n'.join(['| number | class | colour (RGB) |', '|--:|--|--|', *rows])


def _table(facts: dict[str, Any]) -> str:
    return '\n'.join(['| what | value |', '|--|--|', *(f'| {k} | {v} |' for k, v in facts.items())])


def _training(published: PublishedNetwork) -> dict[str, Any]:
    cfg, identity = published.training, published.identity
    dataset, wrapper = cfg.train_dataloader.dataset, cfg.get('optim_wrapper') or {}
    left_out = ('segmentor', 'type', 'data_preprocessor')
    settings = {k: v for k, v in cfg.model.items() if k not in left_out and v is not None}
    facts = dict(method=cfg.model.type)
    facts['its settings'] = f'`{dict(_plain(settings))}`'
    facts['optimizer'] = f'`{_plain(wrapper.get("optimizer"))}`'
    facts['learning rate over time'] = f'`{_plain(cfg.get("param_scheduler"))}`'
    facts['images in an iteration'] = ' + '.join(map(str, identity.get('batch', []))) or UNKNOWN
    facts['crop'] = dataset.get('crop_size') or 'none'
    planned = identity.get('max_iters')
    facts['iterations'] = f'{published.meta["iter"]}' + (f' of {planned}' if planned else '')
    facts['seed'] = published.meta['seed']
    return facts


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _data(published: PublishedNetwork) -> str:
    dataset = published.training.train_dataloader.dataset
    rows = [f'Split: {dataset.split}.\n'] if dataset.get('split') else []
    rows += ['| images | count | dataset | list | sha256 of the list |', '|--|--:|--|--|--|']
    known = published.identity.get('data') or {}
    for name in ('labeled', 'unlabeled'):
        source, found = dataset.get(name) or {}, known.get(name, {})
        if not source and not found:
            continue
        file = osp.basename(source.get('ann_file') or '') or '-'
        said = [found.get(key, UNKNOWN) for key in ('count', 'sha256')]
        rows.append(f'| {name} | {said[0]} | {source.get("type", "")} | {file} | {said[1]} |')
    return '\n'.join(rows)


def _scores(published: PublishedNetwork) -> str:
    networks = published.results.get('networks')
    if not networks:
        return 'The work dir has no results.json beside the checkpoint: no score is known.'
    iteration = published.meta['iter']
    rows = ['| network | metric | last | of iteration |', '|--|--|--:|--:|']
    best = ['| network | metric | best | of iteration |', '|--|--|--:|--:|']
    others = set()
    for network, metrics in networks.items():
        shown = f'{network} (this one)' if network == published.name else network
        for metric, one in metrics.items():
            rows.append(f'| {shown} | {metric} | {one["last"]} | {one["last_iter"]} |')
            best.append(f'| {shown} | {metric} | {one["best"]} | {one["best_iter"]} |')
            others |= {one['last_iter']} - {iteration}
    notes = [f'Measured on the validation images, with test_cfg `{_tested(published)}`.']
    if others:
        notes.append(
            f'**These weights are of iteration {iteration}, and the last scores of iteration '
            f'{", ".join(map(str, sorted(others)))}: they are of other weights.**'
        )
    apart = (
        'The best scores of the training, which the validation images chose; they are not those of '
        'these weights unless the iteration is the same:'
    )
    return '\n\n'.join([*notes, '\n'.join(rows), apart, '\n'.join(best)])


def _tested(published: PublishedNetwork) -> dict:
    return _plain(published.training.model.get('test_cfg') or published.config.model.test_cfg or {})


def _loading(published: PublishedNetwork, weights: str, config: str) -> str:
    needs = ''
    if published.needed:
        needs = f' where {", ".join(published.needed)} can be imported'
    if weights.endswith('.pth'):
        plain = f"model = init_model('{config}', '{weights}', device='cpu')"
        extra = ''
    else:
        extra = 'from safetensors.torch import load_file\n'
        plain = (
            f"model = init_model('{config}', device='cpu')\n"
            f"model.load_state_dict(load_file('{weights}'))"
        )
    path = '.' if not weights.endswith('.pth') else weights
    return (
        f'In mmsegmentation{needs}:\n\n```python\n{extra}from mmseg.apis import inference_model, '
        f"init_model\n\n{plain}\nlabel = inference_model(model, 'photo.jpg').pred_sem_seg.data[0]"
        f'\n```\n\nIn semiseg_mm:\n\n```python\nimport semiseg_mm\n\nnetwork = '
        f"semiseg_mm.load('{path}')\nlabel = network('photo.jpg')  # height, width; the number of "
        'the class\n```'
    )
