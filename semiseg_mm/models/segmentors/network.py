"""What the methods need to know of mmseg's networks and heads."""

import copy
from collections.abc import Iterable, Sequence

import torch
from mmseg.models import EncoderDecoder
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.auxiliaries import frozen
from semiseg_mm.utils import check_choice
from semiseg_mm.utils.class_weight import read_class_weight

from .head_loss import has_plain_loss
from .windows import check_test_cfg

MAIN_OUTPUT = dict(PIDHead=1, IterativeDecodeHead=-1)  # of heads with several; else the first


def override_network(network: dict, num_classes: int | None, test_cfg: dict | None) -> None:
    """Write what the dataset decides into a network's config."""
    if test_cfg is not None:
        network['test_cfg'] = copy.deepcopy(test_cfg)
    check_test_cfg(network.get('test_cfg'))
    _read_class_weights(network)
    for head in [h for key in ('decode_head', 'auxiliary_head') for h in _listed(network.get(key))]:
        if num_classes is not None:
            head['num_classes'] = num_classes
        for loss in _listed(head.get('loss_decode')):
            weights = loss.get('class_weight')
            if isinstance(weights, (list, tuple)) and len(weights) != head['num_classes']:
                raise UserError(
                    f'class_weight has {len(weights)} numbers, the data has {head["num_classes"]} '
                    'classes: give decode_head.loss_decode one number for each class.'
                )


def _read_class_weights(config: dict) -> None:
    """Put the numbers in the place of their files, before mmseg would read them its way."""
    for key, value in list(config.items()):
        if key == 'class_weight':
            config[key] = read_class_weight(value)
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, dict):
                _read_class_weights(part)


def common_preprocessor(networks: list[dict], own: dict | None) -> dict | None:
    """Take the preprocessor out of the networks' configs: they must have the same one."""
    borrowed = [cfg.pop('data_preprocessor', None) for cfg in networks]
    if any(other != borrowed[0] for other in borrowed[1:]):
        raise UserError(
            'The networks of model.segmentor have different data_preprocessors, but they see '
            'the same images: give all of them the same one.'
        )
    if borrowed[0] and own not in (None, borrowed[0]):
        raise UserError(
            'model.data_preprocessor differs from model.segmentor.data_preprocessor: change '
            "the segmentor's, and leave the other out."
        )
    return borrowed[0] or own


def check_networks(networks: Iterable[nn.Module], compares: bool, perturbs: bool) -> None:
    """Refuse networks that cannot give what the method compares or perturbs."""
    for network in networks:
        if compares and network.out_channels == 1:
            raise UserError(
                'A head with out_channels=1 has no class probabilities to compare: set '
                'out_channels=num_classes=2 and a softmax CrossEntropyLoss in '
                'model.segmentor.decode_head.'
            )
        if perturbs:
            check_features(network, 'set perturbation=None, or ')


def check_features(network: nn.Module, advice: str = '') -> None:
    """Refuse a network whose features a method cannot have."""
    if not can_be_taken_apart(network):
        raise UserError(
            f'{type(network).__name__} with {type(network.decode_head).__name__} gives no '
            f'features, which this method needs: {advice}choose another network.'
        )


def image_channels(network: nn.Module) -> int:
    """Return how many channels the images have: those of the first convolution."""
    first = next((one for one in network.modules() if isinstance(one, nn.Conv2d)), None)
    return first.in_channels if first else 3


def embedding_channels(network: nn.Module) -> int:
    """Return how many channels the last layer of the main head receives."""
    layer = getattr(network.decode_head, 'conv_seg', None)
    if layer is None:
        raise UserError(
            f'{type(network.decode_head).__name__} has no last layer conv_seg, whose input this '
            'method compares: choose another decode_head.'
        )
    return getattr(layer, 'in_channels', network.decode_head.channels)


def chosen_level(network: nn.Module, index: int | None = None) -> dict[str, int]:
    """Return index and channels of a level of features, by default the last that the head reads."""
    check_features(network)
    head = network.decode_head
    if index is not None:
        maps = example_features(network)
        check_choice('in_index', index, range(-len(maps), len(maps)), 'the features')
        return dict(in_index=index, in_channels=maps[index].shape[1])
    index, channels = getattr(head, 'in_index', None), getattr(head, 'in_channels', None)
    if isinstance(index, (list, tuple)) and isinstance(channels, (list, tuple)):
        index, channels = index[-1], channels[-1]
    if not all(isinstance(x, int) for x in (index, channels)):
        raise UserError(
            f'{type(network).__name__} with {type(head).__name__} does not tell which level of its '
            'features this method may take: choose another decode_head, or, if it only joins '
            'several levels, set in_index of the part that reads them.'
        )
    return dict(in_index=index, in_channels=channels)


def example_features(network: nn.Module) -> list[Tensor]:
    """Return each level 1,D,h,w that backbone and neck give for an image of 224 x 224."""
    check_features(network)
    device, mode = next(network.parameters()).device, network.training
    image = torch.zeros(1, image_channels(network), 224, 224, device=device)
    with torch.no_grad():
        levels = network.eval().extract_feat(image)
    network.train(mode)
    return [_map_of(level) for level in levels]


def coarsest(levels: Sequence, number: int) -> list[Tensor]:
    """Return so many levels B,D,h,w of features, the coarsest one last.

    Of levels of the same size the later one counts as coarser.
    """
    maps = [_map_of(level) for level in levels]
    sizes = [own.shape[2:].numel() for own in maps]
    return [maps[k] for k in sorted(range(len(sizes)), key=lambda k: -sizes[k])[-number:]]


def _map_of(level: Tensor | Sequence[Tensor]) -> Tensor:
    """Return a level B,D,h,w, which a transformer may give with its class token."""
    return level if isinstance(level, Tensor) else level[0]


def _listed(value) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value] if value else []


def can_be_taken_apart(network) -> bool:
    """Return whether network and head compute the loss as EncoderDecoder and BaseDecodeHead do."""
    head = type(network.decode_head)
    return (
        type(network).loss is EncoderDecoder.loss
        and has_plain_loss(network.decode_head)
        and getattr(head, 'predict', None) is BaseDecodeHead.predict
    )


def logits_of(network, images: Tensor, constant: bool = False) -> Tensor:
    """Return the head's main output, B,C,h,w.

    Args:
        constant: Whether the network's weights are constants, so that a gradient reaches the images
            alone.
    """
    head = type(network.decode_head).__name__
    try:
        logits = frozen(network)(images) if constant else network._forward(images)
    except TypeError as error:  # heads of queries and masks have no forward(features)
        raise UserError(f'{head} gives no logits of pixels: choose another decode_head.') from error
    return logits if isinstance(logits, Tensor) else logits[MAIN_OUTPUT.get(head, 0)]
