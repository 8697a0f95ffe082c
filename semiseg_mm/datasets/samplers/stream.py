from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from semiseg_mm.errors import UserError
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
    request is a function of (seed, source, serial) alone.

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
        batch, place = divmod(position, len(self.places))
        source = self.places[place]
        per_batch = self.places.count(source)
        within = self.places[:place].count(source)
        serial = (batch * self.world_size + self.rank) * per_batch + within
        entropy = np.random.SeedSequence([self.seed, source, serial])
        request = self.request(source, serial, seed=int(entropy.generate_state(1)[0]))
        crop_size = self.crop_schedule.at(batch) if self.crop_schedule is not None else None
        return request._replace(crop_size=crop_size)

    def request(self, source: int, serial: int, seed: int) -> SampleRequest:
        """What to do for a serial; override it to decide more than the image."""
        return SampleRequest(index=self.index(source, serial), serial=serial, seed=seed)

    @staticmethod
    @abstractmethod
    def layout(**arguments) -> list[int]:
        """The places of a batch, from the sampler's own arguments (without dataset and seed)."""

    @abstractmethod
    def index(self, source: int, serial: int) -> int:
        """Which image of the dataset; a function of its arguments and the seed alone."""
