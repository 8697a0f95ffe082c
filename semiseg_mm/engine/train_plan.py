"""Counts the iterations of a training: those that are typed, or those that its epochs come to."""

from collections.abc import Mapping
from typing import NamedTuple

from mmengine.config import Config
from mmengine.dist import get_world_size

from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.samplers import RequestStream, oversampled
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATA_SAMPLERS, DATASETS
from semiseg_mm.utils import check_choice

LISTS = ('unlabeled', 'labeled', 'oversampled')
WORDS = ('epochs', 'of', 'length', 'double_labels_below', 'padded', 'vals')
VAL_INTERVAL = 1000  # mmengine's


class Plan(NamedTuple):
    """Hold the numbers of a training."""

    max_iters: int
    val_interval: int
    text: str = ''  # how its epochs became iterations
    epochs: float | None = None


class TrainPlan:
    """Check the words of ``train_cfg`` that say how long a training is; count them later.

    Args:
        max_iters: Iterations, instead of epochs.
        val_interval: So many iterations lie between validations.
        epochs: Passes over one list. What is left over at the end of a pass and fills no batch of
            all processes is not counted.
        of: The list: 'unlabeled'; 'labeled'; or 'oversampled', the one that
            LabeledOversampleSampler draws from (without unlabeled images it is the labeled list).
        length: Count a pass as so many images, whatever the list holds (a list that is repeated
            to a fixed length).
        double_labels_below: Count a labeled list of fewer images twice.
        padded: Each process takes ceil(images / processes) of the list and leaves its own
            incomplete batch out, as with torch's DistributedSampler.
        vals: Validations in a training, instead of val_interval.
    """

    def __init__(
        self,
        max_iters: int | None = None,
        val_interval: int | None = None,
        epochs: float | None = None,
        of: str | None = None,
        length: int | None = None,
        double_labels_below: int = 0,
        padded: bool = False,
        vals: int | None = None,
    ) -> None:
        _not_both('max_iters', max_iters, 'epochs', epochs)
        _not_both('val_interval', val_interval, 'vals', vals)
        if max_iters is None and epochs is None:
            raise UserError(
                'train_cfg says neither max_iters nor epochs: give it max_iters=…, or epochs=… and '
                "of='unlabeled'."
            )
        if epochs is not None or of is not None:
            check_choice('train_cfg.of', of, LISTS)
        if double_labels_below and of == 'unlabeled':
            raise UserError(
                "train_cfg.double_labels_below is about labels, but of='unlabeled': leave it out."
            )
        numbers = dict(max_iters=max_iters, val_interval=val_interval)
        numbers.update(epochs=epochs, length=length, vals=vals)
        for name, value in numbers.items():
            kinds = (int, float) if name == 'epochs' else int
            if value is not None and not (isinstance(value, kinds) and value > 0):
                what = 'number' if name == 'epochs' else 'whole number'
                raise UserError(f'train_cfg.{name}={value!r} must be a {what} above 0.')
        self.max_iters, self.epochs, self.of = max_iters, epochs, of
        self.val_interval, self.vals = val_interval, vals
        self.length, self.padded = length, padded
        self.double_labels_below = double_labels_below

    @classmethod
    def of_cfg(cls, train_cfg: Mapping) -> 'TrainPlan':
        """Read the words of a ``train_cfg``."""
        names = ('max_iters', 'val_interval', *WORDS)
        found = {name: train_cfg.get(name) for name in names}
        return cls(**{name: value for name, value in found.items() if value is not None})

    def count(
        self, sizes: Mapping[str, int], shares: Mapping[str, int], processes: int = 1
    ) -> Plan:
        """Turn the words into numbers.

        Args:
            sizes: Images of the 'labeled' and of the 'unlabeled' source.
            shares: Images of each list in a batch of one process, see RequestStream.shares.
        """
        if self.epochs is None:
            return self._plan(int(self.max_iters))
        images, share = self._images(sizes), shares.get(self.of, 0)
        if not images or not share:
            what = 'sampler draws from no such list' if images else 'training has no such images'
            fits = [repr(n) for n in LISTS if shares.get(n) and (n != 'unlabeled' or sizes[n])]
            raise UserError(
                f"train_cfg.of='{self.of}', but this {what}: set max_iters instead of epochs"
                f'{", or of=" + " or ".join(fits) if fits else ""}.'
            )
        each = images // (share * processes)
        if self.padded:
            each = -(-images // processes) // share
        each = max(1, each)
        iters = max(1, int(self.epochs * each))
        kind = 'repeated labeled and unlabeled' if self.of == 'oversampled' else self.of
        kind = kind if sizes['unlabeled'] else 'labeled'
        text = (
            f'{self.epochs:g} epochs of {images} {kind} images, {share} x {processes} an '
            f'iteration: {self.epochs:g} x {each} = {iters} iterations'
        )
        return self._plan(iters, text)

    def _images(self, sizes: Mapping[str, int]) -> int:
        """Return how many images a pass has."""
        labeled, unlabeled = sizes['labeled'], sizes['unlabeled']
        found = unlabeled
        if self.of == 'labeled' or (self.of == 'oversampled' and not unlabeled):
            found = labeled * (2 if labeled < self.double_labels_below else 1)
        elif self.of == 'oversampled':
            found = oversampled(labeled, unlabeled) + unlabeled
        return self.length if found and self.length else found

    def _plan(self, iters: int, text: str = '') -> Plan:
        interval = self.val_interval or VAL_INTERVAL
        if self.vals is not None:
            interval = -(-iters // self.vals)
        return Plan(iters, interval, text, self.epochs)


def _not_both(one: str, first: float | None, other: str, second: float | None) -> None:
    if first is not None and second is not None:
        raise UserError(
            f'train_cfg has both {one}={first} and {other}={second}: leave one of them out. What a '
            f'base config sets is dropped by None: --cfg-options train_cfg.{other}=None, or '
            f'train_cfg.{one}=None.'
        )


def plan_of(cfg: Config) -> Plan:
    """Count the iterations of a training that is not built yet.

    Where it has epochs, its lists are opened.
    """
    words = TrainPlan.of_cfg(cfg.train_cfg)
    if words.epochs is None:
        return words.count({}, {})
    dataset, shares = cfg.train_dataloader.dataset, shares_in(cfg)
    check_paths(dataset, 'train_dataloader.dataset')
    return words.count(sizes_of(DATASETS.build(dataset)), shares, get_world_size())


def check_plan(cfg: Config) -> None:
    """Stop at words that cannot be counted, without opening a list."""
    words, dataset = TrainPlan.of_cfg(cfg.get('train_cfg') or {}), cfg.train_dataloader.dataset
    if words.epochs is not None:
        words.count(dict(labeled=1, unlabeled=int(bool(dataset.get('unlabeled')))), shares_in(cfg))


def shares_in(cfg: Config) -> dict[str, int]:
    """Return the images of each list in a batch of one process; none without a request stream."""
    layout = dict(cfg.train_dataloader.get('sampler') or {})
    kind = DATA_SAMPLERS.get(layout.pop('type')) if layout else None
    layout.pop('seed', None)
    stream = isinstance(kind, type) and issubclass(kind, RequestStream)
    return kind.shares(**layout) if stream else {}


def sizes_of(dataset) -> dict[str, int]:
    """Return the images of each source of a SemiDataset."""
    return {name: getattr(dataset, f'num_{name}', 0) for name in ('labeled', 'unlabeled')}


def settle(cfg: Config) -> Plan:
    """Write the numbers into a config in the place of the words, and return them."""
    plan, vals = plan_of(cfg), cfg.train_cfg.get('vals')
    for name in WORDS:
        cfg.train_cfg.pop(name, None)
    cfg.train_cfg.max_iters = plan.max_iters
    if vals or 'val_interval' in cfg.train_cfg:
        cfg.train_cfg.val_interval = plan.val_interval
    return plan
