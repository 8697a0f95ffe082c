from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import BatchSampler, DataLoader, Sampler

from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATA_SAMPLERS
from semiseg_mm.structures import SampleRequest


class ShuffledOrder:
    """An endless order over ``size`` items: each pass is a new permutation.

    It is addressed by position, so skipping costs one permutation, not a replay.
    """

    def __init__(self, size: int, *key: int) -> None:
        self.size = size
        self.key = key
        self._pass, self._order = -1, None

    def __getitem__(self, position: int) -> int:
        number, offset = divmod(position, self.size)
        if number != self._pass:
            self._order = np.random.default_rng([*self.key, number]).permutation(self.size)
            self._pass = number
        return int(self._order[offset])


class RequestStream(Sampler):
    """The base of all samplers: one endless stream of requests, shared by the processes.

    A process's batch is a row of places, each fed by one source. The j-th place of source s in
    the b-th batch of process r of w gets the serial ``(b * w + r) * places(s) + j``. So with the
    same total batch any number of processes together walk through the same serials, and each
    request is a function of (seed, source, serial) alone. Where a crop schedule lets the batch
    grow, a batch has several rows, and the serials count rows in the place of batches.

    Args:
        dataset: A SemiDataset (it knows where each source begins).
        seed: The run's seed.
        places: For each place of a process's batch, the number of its source.
    """

    def __init__(self, dataset, seed: int | None, places: list[int]) -> None:
        if seed is None:
            raise UserError(
                'The request stream needs one seed for all processes: set '
                'randomness = dict(seed=0, diff_rank_seed=False) in the config. Processes draw '
                'different samples and augmentations anyway.'
            )
        self.dataset = dataset
        self.seed = seed
        self.places = places
        self.own_shares = _shares(places)  # see shares
        self.rank, self.world_size = get_dist_info()
        self.position = 0  # of the next request of this process
        self.crop_schedule = None  # set by CropSizeSchedulerHook

    @property
    def batch_size(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[SampleRequest]:
        position = self.position
        while True:
            yield self.at(position)
            position += 1

    def __len__(self) -> int:
        """Of one pass, for those who ask (the stream itself is endless)."""
        return len(self.dataset)

    def skip(self, count: int) -> None:
        """Move on by ``count`` requests of this process before iterating."""
        self.position += count

    def at(self, position: int) -> SampleRequest:
        """The request at a position of this process's share."""
        row, place = divmod(position, len(self.places))
        source = self.places[place]
        per_row = self.places.count(source)
        within = self.places[:place].count(source)
        first, rows, crop_size = row, 1, None  # of the batch: its first row, and how many
        if self.crop_schedule is not None:
            iteration, number = self.crop_schedule.locate(row)
            first = row - number
            _, crop_size, rows = self.crop_schedule.phase(iteration)
        # the batches of all processes lie side by side: those of process 0, then 1, …
        serial = (first * self.world_size + self.rank * rows + row - first) * per_row + within
        entropy = np.random.SeedSequence([self.seed, source, serial])
        request = self.request(source, serial, seed=int(entropy.generate_state(1)[0]))
        return request._replace(crop_size=crop_size)

    def before(self, iteration: int) -> int:
        """The position where an iteration's batch begins."""
        schedule = self.crop_schedule
        rows = schedule.rows_before(iteration) if schedule is not None else iteration
        return rows * len(self.places)

    def passes(self, iterations: int) -> dict[str, float]:
        """How often the images of each source come in so many iterations of all processes."""
        rows = self.before(iterations) // self.batch_size * self.world_size
        sizes = dict(labeled=self.dataset.num_labeled, unlabeled=self.dataset.num_unlabeled)
        return {
            name: rows * self.places.count(source) / size
            for source, (name, size) in enumerate(sizes.items())
            if source in self.places
        }

    def batches(self) -> Iterator[list[SampleRequest]]:
        """The batches of this process, from the current position on; it must begin a batch."""
        position, rows = self.position, 1
        while True:
            if self.crop_schedule is not None:
                iteration, _ = self.crop_schedule.locate(position // len(self.places))
                rows = self.crop_schedule.phase(iteration).batch
            end = position + rows * len(self.places)
            yield [self.at(k) for k in range(position, end)]
            position = end

    def identity(self) -> dict:
        """What the stream follows besides seed, images and places: a checkpoint remembers it.

        Plain values; ``labels`` maps sources to hashes of their label maps.
        """
        return {}

    def request(self, source: int, serial: int, seed: int) -> SampleRequest:
        """What to do for a serial; override it to decide more than the image."""
        return SampleRequest(index=self.index(source, serial), serial=serial, seed=seed)

    @staticmethod
    @abstractmethod
    def layout(**arguments) -> list[int]:
        """The places of a batch, from the sampler's own arguments (without dataset and seed)."""

    @classmethod
    def shares(cls, **arguments) -> dict[str, int]:
        """Count the images that a batch of one process takes from each list.

        The lists are those of ``train_cfg.of``; 'oversampled' is what places for labels alone
        walk through where a training has no other images. Takes the arguments of ``layout``.
        """
        return _shares(cls.layout(**arguments))

    @abstractmethod
    def index(self, source: int, serial: int) -> int:
        """Which image of the dataset; a function of its arguments and the seed alone."""


def _shares(places: list[int]) -> dict[str, int]:
    labeled, unlabeled = places.count(0), places.count(1)
    return dict(labeled=labeled, unlabeled=unlabeled, oversampled=0 if unlabeled else labeled)


@DATA_SAMPLERS.register_module()
class RequestBatches(BatchSampler):
    """The batches of a RequestStream, each as long as the stream says.

    The train loop puts it into the dataloader where a schedule lets the batch grow. ``sampler``
    and ``batch_size`` (a row of places) come from the dataloader.
    """

    def __init__(self, sampler: RequestStream, batch_size: int) -> None:
        super().__init__(sampler, batch_size, drop_last=True)

    def __iter__(self) -> Iterator[list[SampleRequest]]:
        return self.sampler.batches()


def sampler_of(dataloader: DataLoader) -> Sampler:
    """What chooses the samples: torch hides it behind a batch sampler of one's own."""
    return getattr(dataloader.batch_sampler, 'sampler', dataloader.sampler)
