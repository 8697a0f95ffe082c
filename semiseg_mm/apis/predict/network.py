from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from semiseg_mm.apis.command import choose_network, load_config
from semiseg_mm.apis.plain_config import plain_config
from semiseg_mm.apis.trained_files import Files, find_files, read_weights
from semiseg_mm.datasets.transforms.bands import LoadBands, to_picture
from semiseg_mm.datasets.transforms.pack import to_channels_first
from semiseg_mm.engine.finite import fault_in
from semiseg_mm.engine.inference import Prediction, Predictor, preprocess_of
from semiseg_mm.engine.inference.source import loading_part
from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.models.segmentors.windows import use_windows
from semiseg_mm.models.sketch import size_divisor_of, sketch
from semiseg_mm.registry import MODELS, TRANSFORMS


class Source(NamedTuple):
    """Where a trained network comes from."""

    files: Files
    network: str | None  # of a training's networks; None: it was published alone
    meta: dict  # what the checkpoint says of its training

    def __str__(self) -> str:
        return self.files.checkpoint + (f' ({self.network})' if self.network else '')


class TrainedNetwork:
    """A trained network, ready to label images.

    ``network(image)`` returns the label map, H,W uint8, of the image's own size. An image is the
    path or address of a file, or an array H,W,3 uint8 whose channels are blue, green, red, as
    OpenCV reads it. If the network was trained with ``bands``, an array has the values of a file,
    H,W or H,W,bands.

    Attributes:
        source: Where it comes from.
        predictor, preprocessor: The segmentor of mmseg, ready to predict, and its preprocessor.
        classes, palette: Name and colour (RGB) of each class.
        steps: What its test pipeline does to an image, loading included.
    """

    def __init__(
        self,
        source: Source,
        predictor: Predictor,
        preprocessor: nn.Module,
        steps: list[dict],
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
    ) -> None:
        self.source, self.predictor, self.preprocessor = source, predictor, preprocessor
        self.steps = steps
        self.classes, self.palette = tuple(classes), [list(map(int, c)) for c in palette]
        self._load, self._rest = TRANSFORMS.build(steps[0]), Compose(steps[1:])

    def __call__(self, image: str | Path | np.ndarray) -> np.ndarray:
        return self.predict(image)[0]

    def predict(self, image: str | Path | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the label map and the confidence, H,W each; a confidence c stands for c / 255."""
        if not isinstance(image, np.ndarray):
            image = self._load(dict(img_path=str(image)))['img']
        elif self.bands:
            image = self.bands.to_bytes(image)
        found = self.predict_arrays([image])
        return found.label[0].cpu().numpy(), found.confidence[0].cpu().numpy()

    def predict_arrays(self, images: Sequence[np.ndarray], confidence: bool = True) -> Prediction:
        """Label arrays of one shape, in one batch."""
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape != images[0].shape:
                raise UserError(
                    f'An image is an array H,W,3 of uint8 (and of one batch all have one size), '
                    f'not {image.shape} {image.dtype}.'
                )
        prepared = [self._prepared(image) for image in images]
        found = self.predictor.predict(prepared, confidence, images[0].shape[:2])
        if not found.finite:
            raise UserError('The network gives NaN or infinite scores: its training diverged.')
        return found

    @property
    def bands(self) -> LoadBands | None:
        """Return what loads images that are not RGB of 8 bits; None if it takes these."""
        return self._load if isinstance(self._load, LoadBands) else None

    def picture(self, path: str) -> np.ndarray:
        """Return an image as one looks at it, H,W,3, blue first."""
        return to_picture(self._load(dict(img_path=path))['img'])

    def _prepared(self, image: np.ndarray) -> Tensor:
        size = image.shape[:2]
        return to_channels_first(self._rest(dict(img=image, img_shape=size, ori_shape=size))['img'])


def load(
    path: str | Path,
    config: str | None = None,
    network: str | None = None,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    device: str | None = None,
) -> TrainedNetwork:
    """Load a trained network from a work dir, a checkpoint, a published model, or by its name.

    Args:
        path: A folder in which a training was run (its newest checkpoint), one that ``publish``
            wrote, a ``.pth`` file, or a network that comes with the package, such as 'shapes/ael'.
        config: The config, if it does not lie beside the checkpoint.
        network: Which of the training's networks; default: the one that the method predicts with.
        scales, flip: The image is seen at these sizes, and mirrored; the results are averaged.
        device: Such as 'cpu' or 'cuda:1'; default: a GPU, if there is one.
    """
    files = find_files(str(path), config)
    weights, meta = read_weights(files.checkpoint)
    fault = fault_in({key: value for key, value in weights.items() if not key.endswith('mask')})
    if fault:
        raise UserError(f'{files.checkpoint} cannot predict: {fault}. Its training diverged.')
    cfg = load_config(files.config)
    of_training = any(key.startswith(PREFIX) for key in weights)
    build = _of_training if of_training else _published
    name, module, preprocessor, steps = build(cfg, files, weights, network)
    device = device or get_device()
    try:
        module, preprocessor = module.to(device), preprocessor.to(device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f'device={device}: {str(error).splitlines()[0]}') from error
    predictor = Predictor(
        module, preprocess_of(preprocessor), scales, flip, needed=_divisor(cfg, name)
    )
    classes, palette = _classes(meta, module.num_classes)
    source = Source(files, name, meta)
    return TrainedNetwork(source, predictor, preprocessor, steps, classes, palette)


# ------------------------------------------------------------------ two kinds of checkpoints


def _divisor(cfg: Config, name: str | None) -> int:
    """Return the number of which the sides of an image must be multiples."""
    model = sketch(cfg.model)
    return size_divisor_of(model.networks[name] if name else model)


def _of_training(cfg: Config, files: Files, weights: dict, network: str | None) -> tuple:
    model = MODELS.build(cfg.model)
    name = choose_network(weights, files.checkpoint, network) if network else model.predict_on
    _fill(model, weights, files)
    steps = _steps(plain_config(cfg, name).test_pipeline)
    return name, model.networks[name], model.data_preprocessor.network, steps


def _published(cfg: Config, files: Files, weights: dict, network: str | None) -> tuple:
    if network:
        raise UserError(f'{files.checkpoint} holds one network: leave out --network {network}.')
    module = MODELS.build(cfg.model)
    use_windows(module)  # mmseg ignores these
    _fill(module, weights, files)
    pipeline = cfg.get('test_pipeline') or cfg.test_dataloader.dataset.pipeline
    init_default_scope('semiseg_mm')
    return None, module, module.data_preprocessor, _steps(pipeline)


def _fill(module: nn.Module, weights: dict, files: Files) -> None:
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).split('\n')[1].strip() if '\n' in str(error) else str(error)
        raise UserError(
            f'{files.checkpoint} is not of {files.config}: {first[:200]} Name its own config with '
            '--config.'
        ) from error


def _steps(pipeline: Sequence[dict]) -> list[dict]:
    """What is done to an image before it is packed; loading comes first, and is our own."""
    part = loading_part(pipeline)
    kind = part[0]['type']
    own = kind if isinstance(kind, str) and kind.endswith(LoadBands.__name__) else None
    return [dict(part[0], type=LoadBands.__name__) if own else dict(type='LoadImage'), *part[1:]]


def _classes(meta: dict, count: int) -> tuple[Sequence[str], Sequence]:
    """Names and colours of the classes; numbers and made colours where the file has none."""
    known: dict[str, Any] = meta.get('dataset_meta') or {}
    classes = known.get('classes') or [str(k) for k in range(count)]
    palette = known.get('palette')
    if palette is None or len(palette) < count:
        palette = np.random.RandomState(42).randint(0, 256, (count, 3)).tolist()
    return classes, palette
