import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_count, check_number, check_share

from .pixel_contrast import draw, first_of, nearest_pixel, places_of


@MODELS.register_module()
class RegionalContrast(nn.Module):
    """Pull unsure pixels to the mean of their class and push them from similar classes (ReCo).

    The negatives are pixels of the same batch. A class is the more often among them, the nearer
    its mean is. There is no bank.

    Args:
        num_classes, channels: Of the labels and of the representations; any will do.
        queries: Pixels of each class that learn in an iteration, drawn with replacement.
        negatives: Drawn for each of them.
        min_confidence: Of a label that counts; ground truth always does.
        easy: Pixels whose class the network gives this probability learn no more.
        temperature: Divides the cosines, of pixels and of means.
    """

    def __init__(
        self,
        num_classes: int,
        channels: int,
        queries: int = 256,
        negatives: int = 512,
        min_confidence: float = 0.7,
        easy: float = 0.97,
        temperature: float = 0.5,
    ) -> None:
        super().__init__()
        check_count('queries', queries, 'RegionalContrast', least=1)
        check_count('negatives', negatives, 'RegionalContrast', least=1)
        check_share('min_confidence', min_confidence, 'RegionalContrast')
        check_share('easy', easy, 'RegionalContrast')
        check_number('temperature', temperature, 'RegionalContrast', above=True)
        self.queries = queries
        self.negatives = negatives
        self.min_confidence = min_confidence
        self.easy = easy
        self.temperature = temperature

    def forward(self, pixels: Tensor, logits: Tensor, target: PseudoLabel) -> Tensor:
        """Return the mean over the classes that are there; 0 with less than two of them.

        Args:
            pixels: Representations B,D,h,w.
            logits: B,C,h,w.
            target: Hard labels B,H,W; the confidence of ground truth is 1.
        """
        known = target.valid & (target.confidence >= self.min_confidence)
        label = nearest_pixel(target.label.masked_fill(~known, -1), pixels.shape[2:])
        classes, loss = logits.shape[1], 0 * pixels.sum()
        places = places_of(label, classes)
        present = [number for number, own in enumerate(places) if len(own)]
        if len(present) < 2:
            return loss
        rows = pixels.permute(0, 2, 3, 1).flatten(0, 2).float()  # N,D
        fixed = rows.detach()
        means = torch.stack([fixed[places[number]].mean(0) for number in present])  # P,D
        chances = self.chances_of(means).cpu()  # waits: negatives are drawn on the host
        keys = torch.cat([means, fixed[torch.cat(places)]])  # means, and pixels sorted by class
        keys, sizes = F.normalize(keys, dim=1), torch.tensor([len(places[k]) for k in present])
        hard = label.where(probability_of(logits, label) < self.easy, -1)
        unsure = places_of(hard, classes)
        for place, number in enumerate(present):
            if len(unsure[number]):
                queries = rows[unsure[number][draw(len(unsure[number]), self.queries, label)]]
                cosines = F.normalize(queries, dim=1) @ keys.T  # Q,P+N
                chosen = self._keys(place, chances[place], sizes)  # Q,1+K
                cosines = cosines.gather(1, chosen.to(label.device, non_blocking=True))
                loss = loss + first_of(cosines / self.temperature)
        return loss / len(present)

    def chances_of(self, means: Tensor) -> Tensor:
        """Return how often each class is a negative of each other one, P,P; rows sum to 1."""
        near = F.cosine_similarity(means.unsqueeze(1), means, dim=2) / self.temperature
        own = torch.eye(len(means), dtype=torch.bool, device=means.device)
        return near.masked_fill(own, -torch.inf).softmax(1)

    def _keys(self, own: int, chances: Tensor, sizes: Tensor) -> Tensor:
        """Return the keys Q,1+K of a class: its mean, and pixels of classes drawn by chances P."""
        drawn = torch.multinomial(chances, self.queries * self.negatives, replacement=True)
        pixel = torch.randint(2**40, drawn.shape) % sizes[drawn]
        first = len(sizes) + sizes.cumsum(0) - sizes  # of each class
        negatives = (first[drawn] + pixel).view(self.queries, -1)
        return torch.cat([torch.full((self.queries, 1), own), negatives], 1)


def probability_of(logits: Tensor, label: Tensor) -> Tensor:
    """Return the probability B,h,w of each pixel's class; where it is -1, that of class 0."""
    found = logits.detach().float().softmax(1)
    return found.gather(1, label.clamp(min=0).unsqueeze(1)).squeeze(1)
