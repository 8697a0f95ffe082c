from collections.abc import Mapping
from math import ceil

from mmengine.runner import Runner
from torch.utils.data import Dataset

from semiseg_mm.datasets import SemiDataset
from semiseg_mm.datasets.identity import image_paths
from semiseg_mm.datasets.samplers import RequestStream, sampler_of
from semiseg_mm.registry import WATCHES

from .watch import Watch


class Passes(Watch):
    """Look at how often the images of a source come in the whole training."""

    def at_start(self, runner: Runner) -> str | None:
        loader = runner.train_dataloader
        sampler = sampler_of(loader)
        if not isinstance(sampler, RequestStream):
            return None
        sizes = dict(labeled=loader.dataset.num_labeled, unlabeled=loader.dataset.num_unlabeled)
        return self.warning(sampler.passes(runner.max_iters), sizes, runner.max_iters)

    def warning(
        self, passes: Mapping[str, float], sizes: Mapping[str, int], max_iters: int
    ) -> str | None:
        """Return what to say of the passes over each source, if anything."""


@WATCHES.register_module()
class ManyRepeats(Passes):
    """Warn of labeled images that come more often than in any published recipe.

    Args:
        times: Each labeled image may come so often. PseudoSeg on VOC with 92 labels comes to
            20 870.
    """

    def __init__(self, times: float = 21000) -> None:
        self.times = times

    def warning(
        self, passes: Mapping[str, float], sizes: Mapping[str, int], max_iters: int
    ) -> str | None:
        found = passes.get('labeled', 0)
        if found <= self.times:
            return None
        enough = max(1, int(max_iters * self.times / found))
        return (
            f'Each of the {sizes["labeled"]} labeled images comes {found:.0f} times in {max_iters} '
            'iterations, more than in any published recipe: the network can learn them by heart. '
            f'Try train_cfg.max_iters={enough} or less, or fewer labeled images in an iteration.'
        )


@WATCHES.register_module()
class ManyUnseen(Passes):
    """Warn of unlabeled images of which many are never seen.

    Args:
        share: So much of the unlabeled list may be left out.
    """

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def warning(
        self, passes: Mapping[str, float], sizes: Mapping[str, int], max_iters: int
    ) -> str | None:
        found = passes.get('unlabeled', 1)
        if found >= 1 - self.share:
            return None
        return (
            f'{max_iters} iterations see {100 * found:.3g} % of the {sizes["unlabeled"]} unlabeled '
            f'images; a whole pass takes {ceil(max_iters / found)}. Try a longer training '
            '(train_cfg.max_iters), or more unlabeled images in an iteration.'
        )


@WATCHES.register_module()
class TrainedOnValidation(Watch):
    """Warn of validation images that are trained on, told by their paths."""

    def at_start(self, runner: Runner) -> str | None:
        loop, training = runner.val_loop, runner.train_dataloader.dataset
        if loop is None or not isinstance(training, SemiDataset):
            return None
        held = {*paths_of(loop.dataloader.dataset)}
        for name in ('labeled', 'unlabeled') if held else ():
            both = sorted(held.intersection(paths_of(getattr(training, name))))
            if both:
                return (
                    f'{len(both)} of {len(held)} validation images are among the {name} images '
                    f'(the first: {both[0]}): the score is partly one on images that were trained '
                    f'on. Leave them out of train_dataloader.dataset.{name}.'
                )
        return None


def paths_of(dataset: Dataset | None) -> list[str]:
    known = hasattr(dataset, 'image_paths') or hasattr(dataset, 'get_data_info')
    return image_paths(dataset) if known else []
