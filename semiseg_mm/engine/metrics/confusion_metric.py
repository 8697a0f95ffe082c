from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce, get_dist_info
from mmseg.evaluation import IoUMetric
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.registry import METRICS
from semiseg_mm.utils.confusion import areas, confusion


@METRICS.register_module()
class ConfusionMetric(IoUMetric):
    """Give the figures of mmseg's IoUMetric, counted as integers in one table on the device.

    IoUMetric takes three histograms of each image with ``histc``, which waits for the device, has
    no deterministic form on a GPU, and is added up in single precision. Here each batch is
    counted at once and exactly, also in deterministic mode. Processes add their tables; what a
    sampler repeats to give all of them the same number of images counts once. Arguments, names,
    rounding and the table of classes are IoUMetric's.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.per_class: dict[str, float | None] = {}  # IoU in percent of the last evaluation
        self._reset()

    def _reset(self) -> None:
        self._table: Tensor | None = None  # C+1,C+1
        self._counted = 0  # images of this process, without the last one
        self._last: tuple[Tensor, Tensor] | None = None  # the newest, which may be a repeated one

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count a batch, all but its last image: only ``evaluate`` knows if that is a repeat."""
        if self.output_dir is not None:
            self._write(data_batch, data_samples)
        if self.format_only:
            return
        waiting = [] if self._last is None else [self._last]
        *counted, self._last = waiting + [_pair(sample) for sample in data_samples]
        self._count(counted)

    def _write(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Let IoUMetric write its files, which is all that it does with format_only."""
        before, self.format_only = self.format_only, True
        super().process(data_batch, data_samples)
        self.format_only = before

    def _count(self, pairs: list[tuple[Tensor, Tensor]]) -> None:
        if not pairs:
            return
        self._counted += len(pairs)
        truth, label = (torch.cat(one) for one in zip(*pairs, strict=True))
        classes = len(self.dataset_meta['classes'])
        table = confusion(truth[None], label[None], classes, self.ignore_index)[0]
        self._table = table if self._table is None else self._table.add_(table)

    def evaluate(self, size: int) -> dict:
        """Return the figures of all processes' images, of which there are ``size``."""
        if self.format_only:
            return super().evaluate(size)
        rank, processes = get_dist_info()
        # the sampler deals images out in turn, and repeats first ones until all have as many
        if self._last is not None and self._counted * processes + rank < size:
            self._count([self._last])
        side = len(self.dataset_meta['classes']) + 1
        table = torch.zeros(side, side, dtype=torch.long) if self._table is None else self._table
        counted = torch.tensor(self._counted)
        self._reset()
        all_reduce(table), all_reduce(counted)
        if counted > size:
            raise UserError(
                f'{counted} images were evaluated, but the dataset has {size}: a sampler that '
                "repeats images does not fit. Take dict(type='DefaultSampler', shuffle=False)."
            )
        counts = [part.double() for part in areas(table.cpu())]
        self.per_class = {
            name: round(100 * float(both / either), 2) if either else None  # None: it is nowhere
            for name, both, either in zip(self.dataset_meta['classes'], *counts[:2], strict=True)
        }
        found = self.compute_metrics([tuple(counts)])
        prefix = f'{self.prefix}/' if self.prefix else ''
        return {f'{prefix}{key}': float(value) for key, value in found.items()}


def _pair(sample: dict) -> tuple[Tensor, Tensor]:
    """Return truth and label of an image, as rows of pixels on the device of the label."""
    label = sample['pred_sem_seg']['data']
    image = sample.get('img_path', 'An image')
    if 'gt_sem_seg' not in sample:
        raise UserError(
            f'{image} has no mask to compare with: give its dataset data_prefix.seg_map_path and '
            "LoadAnnotations, or the evaluator format_only=True and output_dir='DIR'."
        )
    truth = sample['gt_sem_seg']['data']
    if truth.shape[-2:] != label.shape[-2:]:
        raise UserError(
            f'{image}: the mask is {tuple(truth.shape[-2:])}, the prediction '
            f'{tuple(label.shape[-2:])}: put LoadAnnotations behind what resizes the image in the '
            'pipeline, so that the mask keeps its size.'
        )
    return truth.to(label.device).flatten(), label.flatten()
