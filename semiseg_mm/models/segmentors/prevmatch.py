import math

import torch
from torch import Tensor

from semiseg_mm.models.auxiliaries import Snapshots
from semiseg_mm.models.pseudo_labels import observe
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_count, check_number, check_share

from .base import Outputs
from .forward import forward_images, in_mode
from .weak_to_strong import WeakToStrongSegmentor


@MODELS.register_module()
class PrevMatchSegmentor(WeakToStrongSegmentor):
    """Learn from former weights of the network as well (Shin et al. 2024, arXiv:2405.20610).

    A few snapshots, drawn anew in each iteration, label the weak view a second time. The weight of
    these labels rises to 1 at half of the training and falls to 0 at the end. All losses are
    divided by 1 plus half of it. When a snapshot is taken is a function of the progress alone.

    Args:
        previous_filter: Config of what decides which pixels of the second labels count, or None.
        previous_weight: Of the second labels, times what rises and falls.
        snapshots: How many are kept, the latest ones.
        most: How many of them label together, at most; their number is drawn as well.
        first: The share of the training after which the first one is taken.
        growth: The next one is taken when the training is so many times as long.
    """

    def __init__(
        self,
        segmentor: dict,
        previous_filter: dict | None = dict(type='Threshold', value=0.9),
        previous_weight: float = 1.0,
        snapshots: int = 8,
        most: int = 3,
        first: float = 1 / 80,
        growth: float = 1.15,
        **kwargs,
    ) -> None:
        check_number('previous_weight', previous_weight, 'PrevMatchSegmentor')
        check_count('snapshots', snapshots, 'PrevMatchSegmentor', least=1)
        check_count('most', most, 'PrevMatchSegmentor', least=1)
        check_number('growth', growth, 'PrevMatchSegmentor', least=1, above=True)
        check_share('first', first, 'PrevMatchSegmentor')
        check_number('first', first, 'PrevMatchSegmentor', above=True)
        super().__init__(segmentor, **kwargs)
        former = Snapshots(self.networks['student'], snapshots)
        self.add_auxiliary('snapshots', former, trained=False)
        self.previous_filter = MODELS.build(previous_filter) if previous_filter else None
        self.previous_weight = previous_weight
        self.most, self.first, self.growth = most, first, growth

    def due(self, iteration: int) -> int:
        """Return how many snapshots are taken until an iteration begins."""
        longer = iteration / self.max_iters / self.first
        return 1 + math.floor(math.log(longer, self.growth)) if longer >= 1 else 0

    @property
    def rise(self) -> float:
        """Return the weight that rises from 0 to 1 and falls to 0 again."""
        return 1 - abs(1 - 2 * self.progress) if len(self.auxiliaries['snapshots']) else 0.0

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        if self.due(self.iteration) > self.due(self.iteration - 1):
            self.auxiliaries['snapshots'].push(self.networks['student'])
        return super().prepare_views(views)

    def loss(self, views: dict[str, View]) -> dict[str, Tensor]:
        found, factor = super().loss(views), 1 / (1 + self.rise / 2)
        return {key: factor * value if 'loss' in key else value for key, value in found.items()}

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        losses, weak = super().unsupervised_loss(views, outputs), views['weak']
        if not len(self.auxiliaries['snapshots']):
            return losses
        target = self.pseudo_label(self.remember(weak.inputs), weak.valid)
        observe(self.previous_filter, target, self.progress)
        strong = {name: views[name].taught(target).target for name in self.strong_views}
        second = self._learned(outputs['student'], target, strong, self.previous_filter)
        factor = self.rise * self.previous_weight
        return losses | {
            f'{key}_previous': factor * value if 'loss' in key else value
            for key, value in second.items()
        }

    def remember(self, images: Tensor) -> Tensor:
        """Return the logits of some snapshots, averaged with Dirichlet(1, …, 1) weights."""
        former, network = self.auxiliaries['snapshots'], self.networks['student']
        number = int(torch.randint(1, self.most + 1, ()))
        chosen = torch.randperm(len(former))[:number].tolist()
        shares = torch.empty(len(chosen)).exponential_().tolist()  # over their sum: Dirichlet
        with torch.no_grad(), in_mode(network, train=False):
            found = [forward_images(network, images, former.weights(k, network)) for k in chosen]
        logits = (share * one.logits.float() for share, one in zip(shares, found, strict=True))
        return sum(logits) / sum(shares)
