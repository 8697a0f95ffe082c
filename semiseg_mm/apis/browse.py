from __future__ import annotations

import argparse
import os.path as osp

from mmengine.config import Config
from mmengine.device import get_device
from PIL import Image

from semiseg_mm.datasets import SemiDataset
from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.pictures import draw_sheet, first_batch, look_at
from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.parsers import datasets
from semiseg_mm.registry import DATA_SAMPLERS, DATASETS, MODELS
from semiseg_mm.utils import atomic_path, counted, make_folder

from .command import guarded, load_config
from .trained_files import find_files


def run_browse(argv: list[str] | None = None) -> int:
    args = datasets.browse().parse_args(argv)
    return guarded(_browse, args)


def _browse(args: argparse.Namespace) -> None:
    if args.labeled < 1 or args.unlabeled < 2:
        raise UserError('--labeled must be at least 1, --unlabeled at least 2 (images are mixed).')
    cfg = load_config(args.config, args.cfg_options)
    if cfg.get('runner_type') == 'StagedRunner':
        raise UserError(
            f'{args.config} trains in stages, on labels that are made on the way: name the config '
            "in a stage's folder of its work dir, such as 03_student/*.py."
        )
    stream = _stream(cfg)
    model = MODELS.build(cfg.model)
    if not isinstance(model, SemiSegmentor):
        raise UserError(f'{args.config} has no method of semiseg_mm as its model.')
    if args.model:
        checkpoint = find_files(args.model, args.config).checkpoint
        model.load_state_dict(safe_load(checkpoint)['state_dict'])
    model = model.to(get_device()).train()
    about = stream.dataset.metainfo
    palette, classes = about.get('palette') or [], about.get('classes') or ()
    data = first_batch(stream, args.labeled, args.unlabeled)
    sheet = draw_sheet(look_at(model, data, palette, bool(args.model)), classes, palette)
    name = osp.splitext(osp.basename(args.config))[0]
    out = args.out or f'browse_{name}.png'
    make_folder(osp.dirname(out) or '.')
    with atomic_path(out, durable=False) as part:
        Image.fromarray(sheet).save(part, format='PNG')
    print(f'{out}: {count_images(data["data_samples"])}.')


def count_images(samples: dict[str, list]) -> str:
    """Return how many images a sheet shows; some come more than once, of small lists say."""
    unlabeled = [own for view, own in samples.items() if view != 'labeled'][:1]
    parts = []
    for kind, own in (('labeled', samples['labeled']), *(('unlabeled', own) for own in unlabeled)):
        images = len({one.metainfo.get('img_path') for one in own})
        crops = f' in {len(own)} crops' * (len(own) > images)
        parts.append(counted(images, f'{kind} image') + crops)
    return ' and '.join(parts)


def _stream(cfg: Config):
    """The stream of the training's requests, on its dataset."""
    dataset = cfg.train_dataloader.dataset
    check_paths(dataset, 'train_dataloader.dataset')
    dataset = DATASETS.build(dataset)
    if not isinstance(dataset, SemiDataset):
        raise UserError('train_dataloader.dataset is no SemiDataset, which has views to look at.')
    sampler = dict(cfg.train_dataloader.sampler)
    seed = cfg.get('randomness', {}).get('seed') or 0
    return DATA_SAMPLERS.build(dict(sampler, dataset=dataset, seed=seed))
