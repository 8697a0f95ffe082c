from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.auxiliaries import ClassBank
from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_count, check_number, check_share

from .pixel_contrast import draw, first_of, nearest_pixel


@MODELS.register_module()
class UnreliableContrast(nn.Module):
    """Pull pixels to the mean of their class, push them from pixels that are not of it (U2PL).

    The negatives of a class are pixels that are hardly of it, though it is a likely mistake:
    labeled ones of another class where it ranks high, and unreliable ones where it ranks low. A
    bank keeps the latest ones.

    Args:
        num_classes: Number of classes.
        channels: Of the representations.
        anchors: Pixels of each class that learn in an iteration, drawn with replacement.
        negatives: Drawn from the bank for each of them.
        min_probability: The teacher's, of the class of an anchor.
        low_rank, high_rank: On labeled pixels a class ranks high among the first ``low_rank``
            probabilities; on unlabeled ones it ranks low from there to ``high_rank``.
        temperature: Divides the cosines.
        size: Of the bank of each class; ``first_size`` of class 0, by default the same.
        official_bugs: Compute what the published code does: labeled pixels are never negatives,
            unlabeled ones are negatives of the class that they are labeled as, and where a class
            is absent from a batch, anchors meet the bank of another class.
    """

    def __init__(
        self,
        num_classes: int,
        channels: int,
        anchors: int = 256,
        negatives: int = 50,
        min_probability: float = 0.3,
        low_rank: int = 3,
        high_rank: int = 20,
        temperature: float = 0.5,
        size: int = 30000,
        first_size: int | None = None,
        official_bugs: bool = False,
    ) -> None:
        super().__init__()
        if low_rank >= num_classes:
            raise UserError(
                f'With {num_classes} classes none ranks beyond the first {low_rank}: set '
                f'model.contrast.low_rank={num_classes - 1} and high_rank={num_classes}.'
            )
        if not 0 < low_rank < high_rank:
            raise UserError(
                f'low_rank={low_rank}, high_rank={high_rank} of UnreliableContrast leave no rank '
                'between them: a class ranks low from low_rank on, below high_rank.'
            )
        check_count('anchors', anchors, 'UnreliableContrast', least=1)
        check_count('negatives', negatives, 'UnreliableContrast', least=1)
        check_share('min_probability', min_probability, 'UnreliableContrast')
        check_number('temperature', temperature, 'UnreliableContrast', above=True)
        self.anchors = anchors
        self.negatives = negatives
        self.min_probability = min_probability
        self.low_rank, self.high_rank = low_rank, high_rank
        self.temperature = temperature
        self.official_bugs = official_bugs
        sizes = [first_size or size] + [size] * (num_classes - 1)
        self.bank = ClassBank(num_classes, channels, sizes)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        probabilities: Tensor,
        label: Tensor,
        reliable: Tensor,
        unreliable: Tensor,
        labeled: int,
    ) -> Tensor:
        """Fill the bank and return the loss, a mean over classes; 0 with less than two of them.

        Args:
            student, teacher: Representations B,D,h,w.
            probabilities: The teacher's, B,C,h,w.
            label: B,H,W long: of the first ``labeled`` images the truth.
            reliable, unreliable: B,H,W bool: where the label counts, and where it is doubtful. Both
                are the known pixels of labeled images.
        """
        maps = (label, reliable, unreliable)
        label, reliable, unreliable = (nearest_pixel(x, student.shape[2:]) for x in maps)
        student, teacher = (x.permute(0, 2, 3, 1).float() for x in (student, teacher))  # B,h,w,D
        wrong = self.negatives_of(probabilities, label, unreliable, labeled)
        self.bank.push([teacher[at] for at in wrong])  # waits: as many pixels as there are
        classes = range(probabilities.shape[1])
        members = [(label == number) & reliable for number in classes]
        present = [number for number in classes if members[number].any()]  # waits: which there are
        loss = 0 * student.sum()
        if len(present) < 2:
            return loss
        for place, number in enumerate(present):
            own = place if self.official_bugs else number
            sure = members[own] & (probabilities[:, own] > self.min_probability)
            rows = self.bank.rows(number)
            if sure.any() and len(rows):  # waits: whether there are any
                anchors, mean = student[sure], teacher[members[own]].mean(0)  # waits: as many
                loss = loss + self._compare(anchors, mean, rows)
        return loss / len(present)

    def negatives_of(
        self, probabilities: Tensor, label: Tensor, unreliable: Tensor, labeled: int
    ) -> Iterator[Tensor]:
        """Yield for each class which pixels B,h,w become its negatives."""
        rank = probabilities.argsort(1, descending=True).argsort(1)  # B,C,h,w
        for number in range(probabilities.shape[1]):
            own, is_it = rank[:, number], label == number
            low = (own >= self.low_rank) & (own < self.high_rank) & unreliable
            mistaken = (own < self.low_rank) & ~is_it & unreliable
            if self.official_bugs:
                low, mistaken = low & is_it, torch.zeros_like(mistaken)
            yield torch.cat([mistaken[:labeled], low[labeled:]])

    def _compare(self, candidates: Tensor, positive: Tensor, rows: Tensor) -> Tensor:
        anchors = candidates[draw(len(candidates), self.anchors, rows)]  # N,D
        negatives = rows[draw(len(rows), (self.anchors, self.negatives), rows)]  # N,K,D
        others = torch.cat([positive.expand(len(anchors), 1, -1), negatives], 1)
        return first_of(F.cosine_similarity(anchors.unsqueeze(1), others, dim=2) / self.temperature)
