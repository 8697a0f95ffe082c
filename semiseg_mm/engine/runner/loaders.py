from functools import partial

import torch
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from semiseg_mm.datasets.backends import build_source, with_backend
from semiseg_mm.datasets.samplers import RequestStream
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATA_SAMPLERS
from semiseg_mm.utils.signals import shield_worker


def build_loader(
    dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
) -> DataLoader:
    """Build a dataloader as mmengine does; its workers are ended by their own process alone.

    Datasets of mmseg may be remote: ``dataset.backend_args`` says where, in one place.
    """
    if isinstance(dataloader, dict) and isinstance(dataloader.get('dataset'), dict):
        cfg = dataloader['dataset']
        if cfg.get('data_prefix') and (cfg.get('backend_args') or '://' in str(cfg)):
            source = build_source(with_backend(cfg, cfg.get('backend_args')))
            dataloader = {**dataloader, 'dataset': source}
    built = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
    if built is not dataloader:
        built.worker_init_fn = partial(shield_worker, built.worker_init_fn)
    return built


def consistent(dataloader: dict) -> dict:
    """Return the config of a dataloader with what follows from other keys.

    Without workers none can persist. A request stream's batch size is what its sampler says. Where
    there is a GPU, batches lie in pinned memory, from which they are copied without waiting.
    """
    dataloader = dict(dataloader)
    dataloader.setdefault('pin_memory', torch.cuda.is_available())
    if not dataloader.get('num_workers'):
        dataloader.pop('persistent_workers', None)
    layout = dataloader.get('sampler')
    if not isinstance(layout, dict) or not isinstance(layout['type'], str):
        return dataloader
    layout = dict(layout)
    kind = DATA_SAMPLERS.get(layout.pop('type'))
    layout.pop('seed', None)
    if issubclass(kind, RequestStream):
        places = len(kind.layout(**layout))
        if dataloader.setdefault('batch_size', places) != places:
            raise UserError(
                f'train_dataloader.batch_size={dataloader["batch_size"]}, but its sampler puts '
                f'{places} images into a batch: leave batch_size out.'
            )
    return dataloader
