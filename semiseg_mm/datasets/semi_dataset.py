import contextlib
import math
from collections.abc import Callable, Sequence
from functools import cached_property

from mmengine.logging import print_log
from torch.utils.data import Dataset

from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.registry import DATASETS
from semiseg_mm.structures import SampleRequest
from semiseg_mm.utils import check_share, check_size, preserved_rng, seed_all

from .backends import build_source, with_backend
from .broken import BrokenImages
from .left_out import warn_of_foreign, warn_of_left_out, what_lies_there
from .mask_reading import IGNORED, check_binary, check_label_map
from .pseudo_labeled import PseudoLabeledDataset
from .split_lists import Survey, survey
from .splits import apply_split
from .transforms.scale_crop import Scale


@DATASETS.register_module()
class SemiDataset(Dataset):
    """A labeled and an unlabeled source behind one index; serves a :class:`SampleRequest`.

    Index 0 … num_labeled - 1 are labeled images, the rest unlabeled ones. A request's seed is set
    before the pipeline runs, its crop size and centre are put into ``results``.

    Args:
        labeled: A dataset of mmseg (not a wrapper such as ConcatDataset), with a pipeline that
            ends in ``PackSemiInputs``.
        unlabeled: A dataset without masks (``UnlabeledDataset``), with the label maps of a network
            (``PseudoLabeledDataset``), or None.
        split: A folder with ``labeled.txt`` and ``unlabeled.txt``, below the sources' data_root;
            short for setting both sources' ``ann_file``.
        crop_size: (h, w) that both pipelines crop to, unless a request says otherwise.
        scale: The range (low, high) of the random scale, or a list of factors; short for setting
            ``DrawScale.scale`` in both pipelines (``ScaleCrop.scale`` in one without DrawScale).
        pad_val: What both pipelines pad with, by channel as images are loaded; short for setting
            ``ScaleCrop.pad_val`` in both.
        pad_around: Whether they pad at all sides; short for setting ``ScaleCrop.pad_around``.
        flip: Probability of a horizontal flip; short for setting ``ScaleCrop.flip``.
        antialias: Whether they shrink as Pillow does; short for setting ``DrawScale.antialias``
            (``ScaleCrop.antialias`` in one without DrawScale).
        max_broken: Unlabeled images that cannot be read are replaced by the next one in the list;
            past this share of them, or if there is no other, the run stops. A labeled image that
            cannot be read stops it.
        views: Named views of an unlabeled image, with their pipelines; short for setting
            ``MultiView.views`` in the unlabeled source's pipeline.
        backend_args: mmengine's file backend for both sources: their id lists, images and label
            maps. A source, or a transform that loads, may have its own.
    """

    def __init__(
        self,
        labeled: dict,
        unlabeled: dict | None = None,
        split: str | None = None,
        crop_size: tuple[int, int] | None = None,
        scale: Scale | None = None,
        views: dict | None = None,
        max_broken: float = 0.1,
        backend_args: dict | None = None,
        pad_val: float | Sequence[float] | None = None,
        pad_around: bool | None = None,
        antialias: bool | None = None,
        flip: float | None = None,
    ) -> None:
        check_size('train_dataloader.dataset.crop_size', crop_size)
        check_share('train_dataloader.dataset.max_broken', max_broken)
        sources = apply_split(dict(labeled=labeled, unlabeled=unlabeled, split=split))
        labeled = with_backend(sources['labeled'], backend_args)
        unlabeled = with_backend(sources['unlabeled'], backend_args)
        if unlabeled and views is not None:
            places = [step for step in unlabeled['pipeline'] if _is(step, 'MultiView')]
            if not places:
                raise UserError(
                    'views are set, but the pipeline of train_dataloader.dataset.unlabeled has no '
                    "dict(type='MultiView') to make them: put one before PackSemiInputs."
                )
            for transform in places:
                transform['views'] = views
        drawn = dict(scale=scale, antialias=antialias)
        padded = dict(pad_val=pad_val, pad_around=pad_around, flip=flip)
        for name, source in dict(labeled=labeled, unlabeled=unlabeled).items():
            if source:
                _set(source, name, ('DrawScale', 'ScaleCrop'), drawn)
                _set(source, name, ('ScaleCrop',), padded)
        self.crop_size = crop_size
        self.labeled = build_labeled(labeled, 'train_dataloader.dataset.labeled')
        self.unlabeled = DATASETS.build(unlabeled) if unlabeled else None
        self.num_labeled = len(self.labeled)
        self.num_unlabeled = len(self.unlabeled) if self.unlabeled is not None else 0
        self.metainfo = self.labeled.metainfo
        self.broken = BrokenImages(self.num_unlabeled, max_broken)

    @property
    def label_sources(self) -> dict[str, Dataset]:
        """The sources with label maps by name, in the order of their numbers in a sampler."""
        sources = dict(labeled=self.labeled)
        if isinstance(self.unlabeled, PseudoLabeledDataset):
            sources['unlabeled'] = self.unlabeled
        return sources

    def __len__(self) -> int:
        return self.num_labeled + self.num_unlabeled

    def __getitem__(self, request: SampleRequest | int) -> dict:
        """The views of one sample. A plain index is a request with the index as its seed."""
        if not isinstance(request, SampleRequest):
            request = SampleRequest(int(request), serial=int(request), seed=int(request))
        index, center = request.index, request.center
        with preserved_rng():
            while True:
                results, pipeline = self.results(index)
                results.update(crop_size=request.crop_size or self.crop_size, center=center)
                if request.overlap is not None:  # until ScaleCrop has drawn what crops share
                    results.update(overlap=request.overlap, seed=request.seed)
                seed_all(request.seed if request.overlap is None else request.overlap.seed)
                try:
                    return pipeline(results)
                except BrokenImage as error:
                    if index < self.num_labeled:
                        raise
                    self.broken.add(error)
                    index, center = self._after(index), None  # it was a place in that image
                    if index == request.index:  # once round
                        raise self.broken.all_of(_place(self.unlabeled), error) from error
                except UserError:
                    raise
                except Exception:
                    check_label_map(*self.results(index))  # decoders do not name the file
                    raise

    def _after(self, index: int) -> int:
        """The next unlabeled image: a replacement that depends on nothing else."""
        return self.num_labeled + (index + 1 - self.num_labeled) % self.num_unlabeled

    def results(self, index: int) -> tuple[dict, list]:
        """What an image's pipeline starts from, and that pipeline."""
        source, offset = self.labeled, 0
        if index >= self.num_labeled:
            source, offset = self.unlabeled, self.num_labeled
        results = source.get_data_info(index - offset)
        results['num_classes'] = len(self.metainfo['classes'])
        return results, source.pipeline

    def identity(self) -> dict[str, dict]:
        """Which images each source holds, as count and hash: what a checkpoint remembers."""
        return {name: dict(found) for name, found in self.survey.identity.items()}

    @cached_property
    def survey(self) -> Survey:
        return survey(self.labeled, self.unlabeled)

    def check_labels(self, limit: int = 64) -> None:
        """Read up to ``limit`` samples of each source with labels now.

        So bad labels stop a run at its start. What the labeled source leaves out is said, and that
        no sample of a source has a label.
        """
        warn_of_left_out(self.labeled, 'train_dataloader.dataset.labeled')
        for source in filter(None, (self.labeled, self.unlabeled)):
            warn_of_foreign(source)
        step, name = math.ceil(self.num_labeled / limit), 'train_dataloader.dataset.labeled'
        first = range(0, self.num_labeled, step)
        check_binary(self.labeled, name, len(self.metainfo['classes']), first)
        start = 0
        for name, source in self.label_sources.items():
            step = math.ceil(len(source) / limit)
            found = [_has_labels(self[k]) for k in range(start, start + len(source), step)]
            if found and not any(found) and None not in found:
                print_log(
                    f'Of the {len(found)} samples of train_dataloader.dataset.{name} that were '
                    f'looked at, none has a labeled pixel: all are {IGNORED}, which is ignored, '
                    'and the loss of such a sample is 0. Check the masks, and reduce_zero_label '
                    'of the dataset.',
                    'current',
                    level=30,
                )
            start += len(source)


def _has_labels(sample: dict) -> bool | None:
    """Whether a view has a labeled pixel; None if there are no labels to look at."""
    views = [view.get('data_samples') for view in sample.values() if isinstance(view, dict)]
    maps = [view.gt_sem_seg.data for view in views if 'gt_sem_seg' in (view or ())]
    return any(bool((labels != IGNORED).any()) for labels in maps) if maps else None


def _place(source: Dataset) -> str:
    """Say where a source's images come from: its id list, or its folder."""
    prefix = getattr(source, 'data_prefix', None) or {}
    return getattr(source, 'ann_file', '') or prefix.get('img_path') or type(source).__name__


def _is(step: dict | Callable, kind: str) -> bool:
    return isinstance(step, dict) and step['type'] == kind


def _set(source: dict, name: str, places: tuple[str, ...], options: dict) -> None:
    """Set options, None aside, of the first kind of transform that a source's pipeline has."""
    options = {key: value for key, value in options.items() if value is not None}
    steps = source.get('pipeline', ())
    kinds = [kind for kind in places if any(_is(step, kind) for step in steps)]
    if options and not kinds:
        key = next(iter(options))
        known = ' or '.join(f"dict(type='{kind}')" for kind in places)
        raise UserError(
            f'{key} is set, but the pipeline of train_dataloader.dataset.{name} '
            f'has no {known} to use it: put the first into it, or say {key}=None.'
        )
    if options:
        source['pipeline'] = [  # new dicts: both pipelines may share one
            dict(step, **options) if _is(step, kinds[0]) else step for step in steps
        ]


def build_labeled(cfg: dict, key: str) -> Dataset:
    try:
        dataset = build_source(cfg)
    except ValueError as error:  # mmengine cannot serialise an empty list
        if 'need at least one array' not in str(error):
            raise
        dataset = ()
        with contextlib.suppress(TypeError):  # not all classes take this
            dataset = build_source(dict(cfg, serialize_data=False))
    if not len(dataset):
        raise UserError(
            f'The labeled dataset is empty: {what_lies_there(dataset)}check {key} '
            f'(data_root={cfg.get("data_root")}, ann_file={cfg.get("ann_file")}).'
        )
    if not hasattr(dataset, 'pipeline') or not hasattr(dataset, 'data_prefix'):
        raise UserError(
            f'{key} is a {cfg["type"]}, which wraps other datasets: '
            'name one dataset there (an id list may cover several folders).'
        )
    return dataset
