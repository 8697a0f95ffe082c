from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.models.segmentors.windows import spans

Preprocess = Callable[[list[Tensor]], Tensor]
FEW = 2**22  # logits: 16 MB


class Prediction(NamedTuple):
    label: Tensor  # B,H,W uint8
    confidence: Tensor | None  # B,H,W uint8: c stands for c / 255
    finite: Tensor  # bool, of no dimension: False if the network gave NaN or infinity


class Predictor:
    """Give a network's class probabilities, averaged over scales and flips.

    Sliding windows are used where the network's test config says so, at each scale. The same batch
    gives the same bits, whatever ``cudnn_benchmark`` and torch's number of threads are.

    Args:
        network: A segmentor of mmseg, on its device; it is put into eval mode.
        preprocess: From C,H,W uint8 images of one shape to a normalised batch on the device, whose
            padding (at the bottom and right) is cut off the result.
        scales: The batch is resized by each of these factors; ST (arXiv 2106.05095) takes 0.5,
            0.75, 1, 1.5 and 2.
        flip: Each scale is also seen mirrored.
        size_divisor: Sizes are rounded to multiples of it.
        needed: The sides of what the network sees at once, an image or a window, must be multiples
            of it (``size_divisor_of``). An image is resized where they would not be.
        amp: Half precision, on CUDA only; probabilities are averaged in single precision.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocess: Preprocess,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        size_divisor: int = 1,
        needed: int = 1,
        amp: bool = False,
    ) -> None:
        if network.out_channels == 1:
            raise UserError(
                'A head with out_channels=1 has no class probabilities: set '
                'out_channels=num_classes=2 and a softmax CrossEntropyLoss in its config.'
            )
        if network.out_channels > 255:
            raise UserError(
                f'The network has {network.out_channels} classes, but an 8-bit label map holds no '
                'more than 255 (and 255 itself is for ignored pixels).'
            )
        if not scales or min(scales) <= 0:
            raise UserError(f'scales={scales}: give one factor or more, all of them above 0.')
        self.network = network.eval()
        self.preprocess = preprocess
        self.scales, self.flip = tuple(scales), flip
        self.size_divisor, self.needed = size_divisor, needed
        self.amp = amp

    @classmethod
    def of(
        cls, model: SemiSegmentor, scales: Sequence[float] = (1.0,), flip: bool = False, **kwargs
    ) -> Predictor:
        """Make one for the network that predicts."""
        preprocess = preprocess_of(model.data_preprocessor.network)
        return cls(model.networks[model.predict_on], preprocess, scales, flip, **kwargs)

    @property
    def num_classes(self) -> int:
        return self.network.out_channels

    @torch.inference_mode()
    def probabilities(self, images: list[Tensor]) -> Tensor:
        """Return B,C,H,W for images of one size, at that size."""
        height, width = images[0].shape[-2:]
        with self._settings():
            total, count = self._summed(self.preprocess(images))
        return total.div_(count)[:, :, :height, :width]

    @torch.inference_mode()
    def predict(
        self,
        images: list[Tensor],
        confidence: bool = False,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Return the most probable class of each pixel, and its probability in steps of 1 / 255.

        ``size`` (h, w) is that of the images before they were resized for the network.
        """
        size = torch.Size(size or images[0].shape[-2:])
        count = self._at_once(images)
        parts = [images[start : start + count] for start in range(0, len(images), count)]
        found = [self._predict(part, confidence, size) for part in parts]
        if len(found) == 1:
            return found[0]
        label, certain, finite = zip(*found, strict=True)
        certain = torch.cat(certain) if confidence else None
        return Prediction(torch.cat(label), certain, torch.stack(finite).all())

    def _at_once(self, images: list[Tensor]) -> int:
        """On a CPU no more than a few megabytes of logits: allocators give larger blocks back to
        the system each time, and to get them anew takes as long as a small network.
        """
        if not self._on_cpu():
            return len(images)
        return max(1, FEW // (self.num_classes * images[0].shape[-2:].numel()))

    def _on_cpu(self) -> bool:
        weight = next(self.network.parameters(), None)
        return weight is None or weight.device.type == 'cpu'

    def _predict(self, images: list[Tensor], confidence: bool, size: torch.Size) -> Prediction:
        height, width = images[0].shape[-2:]
        certain = None
        with self._settings():
            inputs = self.preprocess(images)  # B,3,H,W
            resized = size != (height, width)
            if resized or self.flip or self._sizes(inputs) != [inputs.shape[2:]]:
                total, count = self._summed(inputs)
                total = total[:, :, :height, :width]
                best, label = _best_at(size, total) if resized else total.max(1)  # B,H,W
                if confidence:
                    certain = best / count
            else:  # no probability but the highest is needed
                logits = self._logits(inputs)[:, :, :height, :width]
                best, label = logits.max(1)
                if confidence:
                    certain = logits.sub_(best[:, None]).exp_().sum(1).reciprocal_()
        if certain is not None:
            certain = certain.mul_(255).round_().to(torch.uint8)
        return Prediction(label.to(torch.uint8), certain, best.isfinite().all())

    def _sizes(self, inputs: Tensor) -> list[torch.Size]:
        sides = tuple(inputs.shape[2:])
        return [
            torch.Size(self._side(side * scale, axis) for axis, side in enumerate(sides))
            for scale in self.scales
        ]

    def _side(self, length: float, axis: int) -> int:
        side = _to_multiple(length, self.size_divisor)
        if self.needed == 1 or not any(seen % self.needed for seen in self._seen(side, axis)):
            return side
        return _to_multiple(length, math.lcm(self.size_divisor, self.needed))

    def _seen(self, side: int, axis: int) -> list[int]:
        """Return the sides of the windows that cover a side of an image, or that side itself."""
        test_cfg = self.network.test_cfg or {}
        if test_cfg.get('mode') != 'slide':
            return [side]
        crop, stride = test_cfg['crop_size'][axis], test_cfg['stride'][axis]
        windows = spans(side, crop, stride, test_cfg.get('windows') == 'cut')
        return [window.stop - window.start for window in windows]

    def _summed(self, inputs: Tensor) -> tuple[Tensor, int]:
        """Add probabilities up, one scale after the other, and how many they are."""
        total = None
        for size in self._sizes(inputs):
            scaled = self._resized(inputs, size)
            part = softmax_(self._logits(scaled))
            if self.flip:
                part += softmax_(self._logits(scaled.flip(3))).flip(3)
            part = self._resized(part, inputs.shape[2:])
            total = part if total is None else total.add_(part)
        return total, len(self.scales) * (1 + self.flip)

    def _resized(self, x: Tensor, size: torch.Size) -> Tensor:
        """Resize there and back by the same rule, so that places do not move."""
        if x.shape[2:] == size:
            return x
        return F.interpolate(x, size, mode='bilinear', align_corners=self.network.align_corners)

    def _logits(self, inputs: Tensor) -> Tensor:
        """Return B,C,H,W float32, nobody else's: they may be changed."""
        size = tuple(inputs.shape[2:])
        metas = [dict(ori_shape=size, img_shape=size) for _ in inputs]  # mmseg writes into them
        with torch.autocast('cuda', torch.float16, enabled=self.amp and inputs.is_cuda):
            return self.network.inference(inputs, metas).float()

    @contextlib.contextmanager
    def _settings(self) -> Iterator[None]:
        """cuDNN must not try out algorithms: the quickest one is not the same in every run. Nor may
        the number of threads count, which a launcher chooses; of a CPU one core computes here.
        """
        cudnn, threads = torch.backends.cudnn, torch.get_num_threads()
        before = cudnn.benchmark, cudnn.deterministic
        cudnn.benchmark, cudnn.deterministic = False, True
        if self._on_cpu():
            torch.set_num_threads(1)
        try:
            yield
        finally:
            cudnn.benchmark, cudnn.deterministic = before
            torch.set_num_threads(threads)


def _to_multiple(length: float, divisor: int) -> int:
    """Return the nearest multiple; rounded down where the divisor is 1, as the code of ST does."""
    whole = int if divisor == 1 else round
    return max(1, whole(length / divisor)) * divisor


def _best_at(size: torch.Size, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the highest score and its class at another size, by pixel centres as in images.

    Class by class: all of them at the size of a photograph may be gigabytes.
    """
    best = label = None
    for k, part in enumerate(scores.split(1, 1)):
        part = F.interpolate(part, size, mode='bilinear', align_corners=False)[:, 0]  # B,H,W
        if best is None:
            best, label = part, torch.zeros_like(part, dtype=torch.uint8)
        else:
            label.masked_fill_(part > best, k)
            best = torch.maximum(best, part)
    return best, label


def softmax_(logits: Tensor) -> Tensor:
    """Compute softmax over dim 1, in place: a copy may be gigabytes."""
    logits.sub_(logits.amax(1, keepdim=True)).exp_()
    return logits.div_(logits.sum(1, keepdim=True))


def preprocess_of(preprocessor: nn.Module) -> Preprocess:
    """Return a segmentor's data_preprocessor as Predictor takes it."""

    def preprocess(images: list[Tensor]) -> Tensor:
        samples = [SegDataSample() for _ in images]  # padding is noted in them
        return preprocessor(dict(inputs=list(images), data_samples=samples), False)['inputs']

    return preprocess
