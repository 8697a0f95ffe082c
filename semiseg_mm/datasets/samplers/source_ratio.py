import numpy as np

from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATA_SAMPLERS
from semiseg_mm.structures import Overlap, SampleRequest
from semiseg_mm.utils import check_count, check_range

from .stream import RequestStream, ShuffledOrder

OVERLAP = 2  # in the place of a source's number, among what seeds are made of


@DATA_SAMPLERS.register_module()
class SourceRatioSampler(RequestStream):
    """``labeled`` + ``unlabeled`` images in every batch of every process.

    Each source has its own order, so a list that is used twice is not walked through in step.

    Args:
        labeled: Labeled images in a process's batch.
        unlabeled: Unlabeled images in a process's batch.
        labeled_only: Leave the unlabeled places out. The labeled requests stay what they are,
            which makes supervised training on the same stream a fair yardstick.
        crops: Neighbours in the batch that are crops of one unlabeled image, so that
            ``BoxMix(partner='pair')`` mixes an image with itself.
        overlap: Let two such crops have one scale and overlap; the least and the most that both
            show, as a share of what one of them shows (IoU).
        stride: Pixels of which the distance of two crops that overlap is a multiple.
    """

    def __init__(
        self,
        dataset,
        labeled: int,
        unlabeled: int,
        labeled_only: bool = False,
        crops: int = 1,
        overlap: tuple[float, float] | None = None,
        stride: int = 8,
        seed: int | None = None,
    ) -> None:
        if crops < 1 or unlabeled % crops:
            raise UserError(
                f'train_dataloader.sampler.crops={crops} must divide unlabeled={unlabeled}.'
            )
        if overlap is not None:
            check_range('overlap', overlap, 'train_dataloader.sampler', most=1)
            check_count('stride', stride, 'train_dataloader.sampler', least=1)
            if crops != 2:
                raise UserError(
                    f'train_dataloader.sampler.crops={crops}: two crops overlap. Set crops=2.'
                )
        places = self.layout(labeled, unlabeled, labeled_only)
        super().__init__(dataset, seed, places)
        if 1 in places and not dataset.num_unlabeled:
            raise UserError(
                f'The sampler wants {unlabeled} unlabeled images in a batch, but the dataset has '
                'none: set train_dataloader.dataset.unlabeled, or labeled_only=True.'
            )
        self.crops = crops
        self.overlap, self.stride = overlap, stride
        self.own_shares = self.shares(labeled, unlabeled, crops=crops)
        sizes = (dataset.num_labeled, dataset.num_unlabeled)
        self.orders = [ShuffledOrder(size, seed, k) for k, size in enumerate(sizes)]

    @staticmethod
    def layout(labeled: int, unlabeled: int, labeled_only: bool = False, **_) -> list[int]:
        """The places of a batch: 0 is labeled, 1 unlabeled."""
        if labeled < 1 or unlabeled < 0:
            raise UserError(
                f'train_dataloader.sampler needs labeled >= 1 and unlabeled >= 0, got '
                f'labeled={labeled}, unlabeled={unlabeled}.'
            )
        return [0] * labeled + [1] * (0 if labeled_only else unlabeled)

    @classmethod
    def shares(
        cls, labeled: int, unlabeled: int = 0, labeled_only: bool = False, crops: int = 1, **_
    ) -> dict[str, int]:
        """Count the images of each list in a batch; crops of one image are one.

        With labeled_only the unlabeled places count all the same: so a yardstick has the
        iterations of its method.
        """
        oversampled = 0 if unlabeled else labeled
        return dict(labeled=labeled, unlabeled=unlabeled // crops, oversampled=oversampled)

    def passes(self, iterations: int) -> dict[str, float]:
        found = super().passes(iterations)
        if 'unlabeled' in found:
            found['unlabeled'] /= self.crops
        return found

    def index(self, source: int, serial: int) -> int:
        position = serial // self.crops if source == 1 else serial
        return self.offset(source) + self.orders[source][position]

    def offset(self, source: int) -> int:
        """The first index of a source in the dataset."""
        return self.dataset.num_labeled if source == 1 else 0

    def request(self, source: int, serial: int, seed: int) -> SampleRequest:
        request = super().request(source, serial, seed)
        if self.overlap is None or source != 1:
            return request
        image, number = divmod(serial, self.crops)
        shared = int(np.random.SeedSequence([self.seed, OVERLAP, image]).generate_state(1)[0])
        return request._replace(overlap=Overlap(shared, number, tuple(self.overlap), self.stride))

    def identity(self) -> dict:
        found = dict(crops=self.crops) if self.crops > 1 else {}
        if self.overlap is not None:
            found.update(overlap=list(self.overlap), stride=self.stride)
        return found
