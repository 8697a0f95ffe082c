import math

from semiseg_mm.registry import DATA_SAMPLERS

from .stream import RequestStream, ShuffledOrder


def oversampled(labeled: int, unlabeled: int) -> int:
    """Count the labeled images when their list is repeated up to the unlabeled images' number."""
    return labeled * max(1, math.ceil(unlabeled / labeled))


@DATA_SAMPLERS.register_module()
class LabeledOversampleSampler(RequestStream):
    """The labeled list repeated to about the unlabeled list's size, then drawn uniformly.

    The recipe of ST and ST++ (Yang et al. 2022): one list of ``labeled * ceil(U / L) + unlabeled``
    images, sources mixed at random within a batch.

    Args:
        batch_size: Images in a process's batch.
    """

    def __init__(self, dataset, batch_size: int, seed: int | None = None) -> None:
        super().__init__(dataset, seed, self.layout(batch_size))
        labeled, unlabeled = dataset.num_labeled, dataset.num_unlabeled
        self.repeated = oversampled(labeled, unlabeled)
        self.own_shares = self.shares(batch_size)
        self.order = ShuffledOrder(self.repeated + unlabeled, seed, 0)

    @staticmethod
    def layout(batch_size: int) -> list[int]:
        return [0] * batch_size

    @classmethod
    def shares(cls, batch_size: int) -> dict[str, int]:
        """Count the images of a batch: all come from the one list."""
        return dict(oversampled=batch_size)

    def __len__(self) -> int:
        return self.order.size

    def passes(self, iterations: int) -> dict[str, float]:
        drawn = self.before(iterations) * self.world_size / len(self)  # passes over the one list
        labeled = drawn * self.repeated / self.dataset.num_labeled
        return dict(labeled=labeled, **dict(unlabeled=drawn) if self.dataset.num_unlabeled else {})

    def index(self, source: int, serial: int) -> int:
        drawn = self.order[serial]
        labeled = self.dataset.num_labeled
        return drawn % labeled if drawn < self.repeated else labeled + drawn - self.repeated
