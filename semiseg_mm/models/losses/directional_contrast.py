from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, get_world_size
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_count, check_number, check_share

from .overlap_cells import Pixels

AT_ONCE = 2**24  # similarities that are held at a time
PLAIN = dict(use_reentrant=False, preserve_rng_state=False)  # nothing is drawn


@MODELS.register_module()
class DirectionalContrast(nn.Module):
    """Pull pixels to the same place of another crop, if that is surer (DCC, Lai et al. 2021).

    The surer of two pixels does not move. Negatives are pixels of other classes, of this step and
    of a few steps before, of all processes. Those of earlier steps are buffers.

    Args:
        channels: Of the features.
        temperature: Of the similarities.
        threshold: How sure the surer pixel must be at least.
        negatives: How many pixels of each of both crops are drawn in a process.
        remembered: From how many earlier steps negatives are kept.
    """

    def __init__(
        self,
        channels: int,
        temperature: float = 0.1,
        threshold: float = 0.75,
        negatives: int = 6400,
        remembered: int = 1,
    ) -> None:
        super().__init__()
        check_number('temperature', temperature, 'DirectionalContrast', above=True)
        check_share('threshold', threshold, 'DirectionalContrast')
        check_count('negatives', negatives, 'DirectionalContrast', least=1)
        check_count('remembered', remembered, 'DirectionalContrast')
        self.temperature, self.threshold, self.negatives = temperature, threshold, negatives
        rows = remembered * 2 * negatives * get_world_size()
        self.register_buffer('features', torch.zeros(rows, channels))
        self.register_buffer('classes', torch.full((rows,), -1))  # -1: nothing yet

    def forward(self, one: Pixels, other: Pixels, crops: Sequence[Pixels]) -> Tensor:
        """Return the sum of both directions, each a mean over the pixels that are pulled.

        Args:
            one, other: Pixels N of the overlap, in both crops.
            crops: All pixels of both crops, from which negatives are drawn.
        """
        with torch.autocast(one.features.device.type, enabled=False):
            features, classes = self._negatives(crops)
            return self._pull(one, other, features, classes) + self._pull(
                other, one, features, classes
            )

    @torch.no_grad()
    def _negatives(self, crops: Sequence[Pixels]) -> tuple[Tensor, Tensor]:
        """Draw the negatives of this step; return them with the remembered ones."""
        drawn = zip(*map(self._drawn, crops))
        features, classes = (torch.cat(all_gather(torch.cat(parts))) for parts in drawn)
        both = torch.cat([self.features, features]), torch.cat([self.classes, classes])
        missing = 2 * self.negatives * get_world_size() - len(classes)  # of small crops
        features = torch.cat([self.features, F.pad(features, (0, 0, 0, missing))])
        classes = torch.cat([self.classes, F.pad(classes, (0, missing), value=-1)])
        kept = len(self.classes)
        self.features.copy_(features[len(features) - kept :])
        self.classes.copy_(classes[len(classes) - kept :])
        return both

    def _drawn(self, crop: Pixels) -> tuple[Tensor, Tensor]:
        """Draw on the CPU generator, so that devices agree; small crops have fewer pixels."""
        places = torch.randperm(len(crop.label))[: self.negatives]
        places = places.to(crop.label.device, non_blocking=True)
        return crop.features[places].float(), crop.label[places]

    def _pull(self, own: Pixels, guide: Pixels, features: Tensor, classes: Tensor) -> Tensor:
        positive = (own.features * guide.features.detach()).sum(1) / self.temperature  # N
        counts = (guide.confidence > self.threshold) & (own.confidence < guide.confidence)
        counts = counts & (own.label >= 0) & (guide.label >= 0)

        def terms(own_features: Tensor, label: Tensor, positive: Tensor) -> Tensor:
            logits = own_features @ features.T / self.temperature
            others = (classes != label.unsqueeze(1)) & (classes >= 0)
            logits = torch.cat([positive.unsqueeze(1), logits.masked_fill(~others, -torch.inf)], 1)
            return logits.logsumexp(1) - positive

        size = max(1, AT_ONCE // (len(classes) + 1))
        parts = zip(*(x.split(size) for x in (own.features, own.label, positive)))
        loss = torch.cat([checkpoint(terms, *part, **PLAIN) for part in parts])
        return (loss * counts).sum() / counts.sum().clamp(min=1)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        for name in ('features', 'classes'):  # of other settings or processes: start anew
            stored = state_dict.get(prefix + name)
            if stored is not None and stored.shape != self._buffers[name].shape:
                for key in ('features', 'classes'):
                    state_dict[prefix + key] = self._buffers[key].clone()
        super()._load_from_state_dict(state_dict, prefix, *args)
