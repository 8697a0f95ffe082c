"""Writes the batch of an iteration that came to NaN."""

import copy
import os
import os.path as osp
import re

import torch
from mmengine.dist import get_rank

from semiseg_mm.datasets.samplers import RequestStream, sampler_of
from semiseg_mm.utils import atomic_path

BYTES = 64 << 20  # of images and labels; what goes beyond is left out, and named
DUMP = re.compile(r'nan_iter_\d+\.pth')


def dump_batch(runner, iteration: int) -> str:
    """Write ``nan_iter_N.pth`` of this process's batch, and say where, or why not.

    A request decides all about an image, so the batch is drawn once more. The file holds images,
    labels and names of each view, the iteration, the seed and the process; ``torch.load`` with
    weights_only reads it. An earlier such file of the work dir is removed.
    """
    sampler = sampler_of(runner.train_dataloader)
    if not isinstance(sampler, RequestStream):
        return ''
    path = osp.join(runner.work_dir, f'nan_iter_{iteration}.pth')
    try:
        content = _content(_draw(runner.train_dataloader, sampler, iteration))
        meta = dict(iteration=iteration, seed=runner.seed, rank=get_rank())
        with atomic_path(path) as part:
            torch.save({**meta, **content}, part)
        for name in os.listdir(runner.work_dir):
            if DUMP.fullmatch(name) and name != osp.basename(path):
                os.remove(osp.join(runner.work_dir, name))
    except Exception as error:  # the fault that led here is the one to tell
        return f' Its batch could not be written ({error}).'
    return f' Its batch is {path}.'


def _draw(loader, sampler: RequestStream, iteration: int) -> dict:
    stream = copy.copy(sampler)
    stream.position = stream.before(iteration - 1)
    return loader.collate_fn([loader.dataset[request] for request in next(stream.batches())])


def _content(batch: dict) -> dict:
    """Return plain tensors and names, view by view, up to the limit."""
    inputs: dict[str, list] = {}
    labels: dict[str, list] = {}
    names: dict[str, list] = {}
    left_out, size = [], 0
    for view, images in batch['inputs'].items():
        maps = batch.get('pixels', {}).get(view, {}).get('gt_sem_seg')  # collate_views' place
        for number, (image, sample) in enumerate(
            zip(images, batch['data_samples'][view], strict=True)
        ):
            label = sample.gt_sem_seg.data if 'gt_sem_seg' in sample else None
            label = label if maps is None else maps[number]
            name = str(sample.get('img_path', ''))
            size += sum(one.nbytes for one in (image, label) if one is not None)
            if size > BYTES:
                left_out.append(f'{view}: {name}')
                continue
            inputs.setdefault(view, []).append(image.clone())
            labels.setdefault(view, []).append(None if label is None else label.clone())
            names.setdefault(view, []).append(name)
    return dict(inputs=inputs, labels=labels, names=names, left_out=left_out)
