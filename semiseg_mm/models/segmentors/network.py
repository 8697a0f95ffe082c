"""What the methods need to know of mmseg's networks and heads."""

import copy

import mmseg
from mmseg.models import EncoderDecoder
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from packaging.specifiers import SpecifierSet
from torch import Tensor

from semiseg_mm.compat import OLD_MMSEG
from semiseg_mm.errors import UserError

MAIN_OUTPUT = dict(PIDHead=1, IterativeDecodeHead=-1)  # of heads with several; else the first


def override_network(network: dict, num_classes: int | None, test_cfg: dict | None) -> None:
    """Write what the dataset decides into a network's config, and what mmseg needs."""
    if test_cfg is not None:
        network['test_cfg'] = copy.deepcopy(test_cfg)
    for head in [h for key in ('decode_head', 'auxiliary_head') for h in _listed(network.get(key))]:
        if num_classes is not None:
            head['num_classes'] = num_classes
        for loss in _listed(head.get('loss_decode')):
            if loss.get('class_weight') is not None:
                _prepare_weighted_loss(loss, head['num_classes'])


def _prepare_weighted_loss(loss: dict, num_classes: int) -> None:
    """mmseg's softmax loss fails at class weights beside ``avg_non_ignore``.

    Without it, and with weights, it averages over labeled pixels all the same.
    """
    weights = loss['class_weight']
    if isinstance(weights, (list, tuple)) and len(weights) != num_classes:  # else a file
        raise UserError(
            f'class_weight has {len(weights)} numbers, the data has {num_classes} classes: give '
            'decode_head.loss_decode one number for each class.'
        )
    kind = loss['type'] if isinstance(loss['type'], str) else loss['type'].__name__
    if not kind.endswith('CrossEntropyLoss') or loss.get('use_sigmoid') or loss.get('use_mask'):
        return
    loss.pop('avg_non_ignore', None)
    if mmseg.__version__ in SpecifierSet(OLD_MMSEG):
        raise UserError(
            f'mmsegmentation {mmseg.__version__} fails at class_weight as soon as a label is '
            'ignored: leave class_weight out, or install the distribution onedl-mmsegmentation.'
        )


def _listed(value) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value] if value else []


def can_be_taken_apart(network) -> bool:
    """Whether network and head compute the loss as EncoderDecoder and BaseDecodeHead do."""
    return type(network).loss is EncoderDecoder.loss and all(
        getattr(type(network.decode_head), name, None) is getattr(BaseDecodeHead, name)
        for name in ('loss', 'loss_by_feat', 'predict')
    )


def logits_of(network, images: Tensor) -> Tensor:
    """The head's main output, B,C,h,w."""
    head = type(network.decode_head).__name__
    try:
        logits = network._forward(images)
    except TypeError as error:  # heads of queries and masks have no forward(features)
        raise UserError(f'{head} gives no logits of pixels: choose another decode_head.') from error
    return logits if isinstance(logits, Tensor) else logits[MAIN_OUTPUT.get(head, 0)]
