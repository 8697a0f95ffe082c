"""Write a trained network as an ONNX file, which runs without this package and without torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import os.path as osp
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from semiseg_mm.apis.command import guarded
from semiseg_mm.apis.predict.network import TrainedNetwork, load
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import networks
from semiseg_mm.utils import atomic_path, make_folder
from semiseg_mm.version import __version__

from .check import Check, compare
from .graph import OUTPUTS, ExportedNetwork, Pixels, normalisation, write

__all__ = ['export', 'run_export']

MEANING = dict(
    label='uint8, batch x height x width, the number of the class',
    probabilities='float32, batch x classes x height x width, they add up to 1',
)


def run_export(argv: list[str] | None = None) -> int:
    args = networks.export().parse_args(argv)
    return guarded(lambda args: export(**vars(args)), args)


def export(
    model: str,
    out: str,
    config: str | None = None,
    network: str | None = None,
    size: tuple[int, int] | None = None,
    probabilities: bool = False,
) -> Check:
    """Write ``out`` and compare it with the network; a file that differs is not kept."""
    _check_stack()
    trained = load(model, config, network, device='cpu')
    divisor = trained.predictor.needed
    out = str(Path(out).with_suffix('.onnx'))
    make_folder(osp.dirname(out) or '.')
    pixels = Pixels.of(trained.bands)
    normalised = normalisation(trained.preprocessor, pixels.count)
    module = ExportedNetwork(trained.predictor.network, normalised, pixels).eval()
    output = OUTPUTS[probabilities]
    if size is not None:
        _check_size(tuple(size), divisor)
    try:
        if size is None:
            with contextlib.suppress(Impossible):
                check = _export(module, output, out, trained, _default_size(divisor), free=True)
                _tell(out, trained, check, None)
                return check
        size = tuple(size or _default_size(divisor, 512))
        check = _export(module, output, out, trained, size, free=False)
    except Impossible as error:
        raise UserError(
            f'{type(module.network.backbone).__name__} with '
            f'{type(module.network.decode_head).__name__} could not be exported ({error}).'
        ) from error
    _tell(out, trained, check, size)
    return check


class Impossible(Exception):
    """The network cannot be written in this way; the text says why."""


def _export(
    module: ExportedNetwork,
    output: str,
    out: str,
    trained: TrainedNetwork,
    size: tuple[int, int],
    free: bool,
) -> Check:
    """Write the file, for free sizes or for one; nothing is left of one that differs."""
    divisor = trained.predictor.needed
    other = (size[0] + divisor, 2 * size[1])
    with atomic_path(out) as part:
        try:
            write(module, part, size, divisor, free)
            check = compare(module, part, [size, other, size] if free else [size, size])
        except UserError:
            raise
        except Exception as error:  # exporter and runtime have many ways to say no
            raise Impossible(f'{type(error).__name__}: {_first_line(error)}') from error
        if not check.passed:
            raise Impossible(f'a probability differs from torch by {check.probability:.2g}')
        _finish(part, output, metadata(trained, output, None if free else size))
    return check


def _first_line(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip().splitlines() or [''])[0][:200]


def _check_stack() -> None:
    try:
        for name in ('onnx', 'onnxscript', 'onnxruntime'):
            import_module(name)
    except ImportError as error:
        raise UserError(
            f'{error.name} is missing: pip install "semiseg_mm[onnx]", or pip install onnx '
            'onnxscript onnxruntime.'
        ) from error
    if tuple(map(int, torch.__version__.split('.')[:2])) < (2, 6):
        raise UserError(f'Export needs torch 2.6 or newer, this is {torch.__version__}.')


def _default_size(divisor: int, side: int = 128) -> tuple[int, int]:
    return divisor * (side // divisor), divisor * (side * 3 // 2 // divisor)


def _check_size(size: tuple[int, int], divisor: int) -> None:
    if min(size) < 1 or any(side % divisor for side in size):
        raise UserError(
            f'--size {size[0]} {size[1]}: both must be positive multiples of {divisor} for this '
            'network.'
        )


def _finish(path: str, output: str, about: dict) -> None:
    """Keep one of the outputs, and write into the file what one must know to use it."""
    import onnx

    proto = onnx.load(path)
    kept = [one for one in proto.graph.output if one.name == output]
    del proto.graph.output[:]
    proto.graph.output.extend(kept)
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in about.items()}
    onnx.helper.set_model_props(proto, texts)
    proto.producer_name, proto.producer_version = 'semiseg_mm', __version__
    onnx.save(proto, path)


def metadata(trained: TrainedNetwork, output: str, size: tuple[int, int] | None) -> dict[str, Any]:
    """Return what the file says of itself."""
    test_cfg = dict(trained.predictor.network.test_cfg or {})
    checkpoint = trained.source.files.checkpoint
    return dict(
        classes=trained.classes,
        palette=trained.palette,
        input=f'image: {Pixels.of(trained.bands)}',
        output=f'{output}: {MEANING[output]}',
        size=size or f'any multiple of {trained.predictor.needed}',
        before=trained.steps[1:],
        tested=test_cfg,
        source=osp.basename(checkpoint),
        source_sha256=hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest(),
        network=trained.source.network or trained.source.meta.get('network', ''),
        images=trained.source.meta.get('semiseg_mm', {}),
        semiseg_mm=__version__,
    )


def _tell(out: str, trained: TrainedNetwork, check: Check, size: tuple[int, int] | None) -> None:
    divisor = trained.predictor.needed
    sizes = f'images of {size[0]} x {size[1]}' if size else 'images of any size'
    if not size and divisor > 1:
        sizes += f' whose sides are multiples of {divisor}'
    megabytes = os.path.getsize(out) / 1e6
    print(f'{out} ({megabytes:.1f} MB), for {sizes}.')
    print(
        f'Against torch: probabilities differ by at most {check.probability:.1e}, '
        f'{100 * check.labels:.3f} % of the pixels have another class.'
    )
    test_cfg = trained.predictor.network.test_cfg or {}
    if test_cfg.get('mode') == 'slide':
        print(
            f'The network was tested in windows of {tuple(test_cfg["crop_size"])}; the file sees '
            'an image as a whole. Cut large images into windows yourself.'
        )
    if len(trained.steps) > 1:
        names = ', '.join(step['type'] for step in trained.steps[1:])
        print(f'Not inside: {names} of the test pipeline. Do this to images first.')
