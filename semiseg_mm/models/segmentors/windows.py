"""Look at a test image through windows as papers' codes do, where these differ from mmseg."""

from collections.abc import Iterable, Iterator
from functools import partial

import torch
from mmseg.models import EncoderDecoder
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.utils import check_choice

# The words of a test_cfg that mmseg does not know. The first choice is what mmseg does.
#   windows: 'shift' moves the last window of a row back into the image; 'cut' starts one at each
#       multiple of the stride and lets it end at the border.
#   average: what is averaged where windows overlap.
#   small: whether an image smaller than a window stays as it is, or is padded to the window's size
#       after normalising, so with the mean colour, at the bottom and right.
CHOICES = dict(windows=('shift', 'cut'), average=('logits', 'probabilities'), small=('keep', 'pad'))


def check_test_cfg(test_cfg: dict | None) -> None:
    """Stop at a misspelt choice, and at windows without a size."""
    test_cfg = test_cfg or {}
    for word, choices in CHOICES.items():
        if word in test_cfg:
            check_choice(f'test_cfg.{word}', test_cfg[word], choices)
    lost = [word for word in ('crop_size', 'stride') if not test_cfg.get(word)]
    if test_cfg.get('mode') == 'slide' and lost:
        raise UserError(
            f"test_cfg.mode='slide' needs {' and '.join(lost)}, such as crop_size=(512, 512), "
            "stride=(342, 342): set it there, or take mode='whole'."
        )


def unlike_mmseg(test_cfg: dict) -> dict:
    """Return those words of a test_cfg that make windows differ from mmseg's."""
    if test_cfg.get('mode') != 'slide':
        return {}
    words = {word: test_cfg[word] for word in ('windows', 'average') if word in test_cfg}
    return {word: value for word, value in words.items() if value != CHOICES[word][0]}


def pad_small_images(preprocessor: dict | None, networks: Iterable[dict]) -> dict | None:
    """Return the preprocessor of networks, given by their configs, whose test_cfg may pad."""
    sizes = {
        tuple(cfg['crop_size']) if cfg.get('small') == 'pad' else None
        for cfg in (network.get('test_cfg') or {} for network in networks)
        if cfg.get('mode') == 'slide'
    }
    if len(sizes) > 1:
        raise UserError(
            "The networks of model.segmentor pad small images differently (test_cfg.small='pad', "
            'crop_size), but they see the same images: set model.test_cfg, which is that of all.'
        )
    size = next(iter(sizes), None)
    if size is None:
        return preprocessor
    preprocessor = dict(preprocessor or dict(type='SegDataPreProcessor'))
    own = (preprocessor.get('test_cfg') or {}).get('size')
    if own is not None and tuple(own) != size:
        raise UserError(
            f"test_cfg.small='pad' pads test images to {size}, but data_preprocessor.test_cfg.size "
            f'is {tuple(own)}: leave one of them out.'
        )
    preprocessor['test_cfg'] = {**(preprocessor.get('test_cfg') or {}), 'size': size}
    return preprocessor


def use_windows(network: nn.Module) -> None:
    """Give a network the windows that its test_cfg asks for, if mmseg has no such."""
    words = unlike_mmseg(getattr(network, 'test_cfg', None) or {})
    if not words:
        return
    name, said = type(network).__name__, ', '.join(f'{k}={v!r}' for k, v in words.items())
    own = getattr(type(network), 'slide_inference', None)
    if own is not EncoderDecoder.slide_inference:
        raise UserError(f'{name} has windows of its own: leave {said} out of test_cfg.')
    if network.out_channels == 1 and 'average' in words:
        raise UserError(
            "A head with out_channels=1 has no class probabilities: leave average='probabilities' "
            'out of test_cfg, or set out_channels=num_classes=2.'
        )
    network.slide_inference = partial(slide_inference, network)


@torch.no_grad()
def slide_inference(network: nn.Module, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
    """Return the average over windows # B,C,H,W

    Of probabilities it is their logarithm, whose softmax they are. (At the place of mmseg's method
    of this name; a sum in the window alone needs less memory than its sum of padded images.)
    """
    test_cfg, (height, width) = network.test_cfg, inputs.shape[2:]
    cut = test_cfg.get('windows') == 'cut'
    total = inputs.new_zeros((len(inputs), network.out_channels, height, width))
    count = inputs.new_zeros((1, 1, height, width))
    metas = [dict(meta) for meta in batch_img_metas]
    for rows in spans(height, test_cfg['crop_size'][0], test_cfg['stride'][0], cut):
        for columns in spans(width, test_cfg['crop_size'][1], test_cfg['stride'][1], cut):
            window = (..., rows, columns)
            metas[0]['img_shape'] = inputs[window].shape[2:]  # the size of the logits
            scores = network.encode_decode(inputs[window], metas)
            if test_cfg.get('average') == 'probabilities':
                scores = scores.float().softmax(1)
            total[window] += scores
            count[window] += 1
    total /= count
    if test_cfg.get('average') == 'probabilities':
        total.clamp_(min=torch.finfo(total.dtype).tiny).log_()
    return total


def spans(size: int, crop: int, stride: int, cut: bool) -> Iterator[slice]:
    """Return where the windows of a row or column begin and end."""
    if cut:
        starts = range(0, size, stride)
    else:
        last = max(size - crop, 0)
        starts = [*range(0, last, stride), last]
    return (slice(start, min(start + crop, size)) for start in starts)
