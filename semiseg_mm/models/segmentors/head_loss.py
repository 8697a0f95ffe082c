"""mmseg's supervised loss of a head, without waiting for the device."""

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss, cross_entropy
from mmseg.models.utils import resize
from mmseg.utils import add_prefix
from torch import Tensor, nn


def head_loss(head: nn.Module, logits: Tensor, samples: list, accuracy: bool) -> dict[str, Tensor]:
    """Return what ``BaseDecodeHead.loss_by_feat`` does.

    Args:
        accuracy: Whether to add ``acc_seg``. mmseg computes it in every iteration, by a topk and
            two boolean selections, and each of these makes the host wait for the device.
    """
    label = head._stack_batch_gt(samples)  # B,1,H,W
    logits = resize(logits, label.shape[2:], mode='bilinear', align_corners=head.align_corners)
    weight = None if head.sampler is None else head.sampler.sample(logits, label)
    label = label.squeeze(1)
    found: dict[str, Tensor] = {}
    terms = head.loss_decode if isinstance(head.loss_decode, nn.ModuleList) else [head.loss_decode]
    for term in terms:
        value = term(logits, label, weight=weight, ignore_index=head.ignore_index)
        name = term.loss_name
        found[name] = found[name] + value if name in found else value
    if accuracy:
        found['acc_seg'] = accuracy_of(logits, label, head.ignore_index)
    return found


def auxiliary_losses(network: nn.Module, features: list, samples: list, accuracy: bool) -> dict:
    """Return the losses of the auxiliary heads, named as ``EncoderDecoder.loss`` names them."""
    heads, found = network.auxiliary_head, {}
    several = isinstance(heads, nn.ModuleList)
    for number, head in enumerate(heads if several else [heads]):
        if has_plain_loss(head):
            own = head_loss(head, head(features), samples, accuracy)
        else:
            own = head.loss(features, samples, network.train_cfg)
        found.update(add_prefix(own, f'aux_{number}' if several else 'aux'))
    return found


def has_plain_loss(head: nn.Module) -> bool:
    """Return whether a head computes its loss as BaseDecodeHead does."""
    return all(
        getattr(type(head), name, None) is getattr(BaseDecodeHead, name)
        for name in ('loss', 'loss_by_feat')
    )


@torch.no_grad()
def accuracy_of(logits: Tensor, label: Tensor, ignore_index: int) -> Tensor:
    """Return the percentage of the labeled pixels that get their class; of none it is 0."""
    known = label != ignore_index
    right = (logits.max(1).indices == label) & known
    return 100 * right.sum() / known.sum().clamp(min=1)


def mend_cross_entropies(networks: nn.Module) -> None:
    """Let mmseg's cross entropy count on the device, and take weights beside ignored labels."""
    for loss in networks.modules():
        if isinstance(loss, CrossEntropyLoss) and loss.cls_criterion is cross_entropy:
            loss.cls_criterion = PixelCrossEntropy(loss.class_weight)
            loss.class_weight = None  # mmseg would send it to the device in every iteration


class PixelCrossEntropy(nn.Module):
    """Compute mmseg's cross entropy, told what to divide by.

    Left alone, mmseg fetches the number of labeled pixels from the device, and with class weights
    it fails where labels are ignored (1.4 beside ``avg_non_ignore``, 1.2 always). Class weights
    divide by those of all labeled pixels, as torch's own.
    """

    def __init__(self, class_weight: list[float] | None = None) -> None:
        super().__init__()
        weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float32)
        self.register_buffer('class_weight', weight, persistent=False)

    def forward(
        self,
        pred: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        class_weight: Tensor | None = None,
        reduction: str = 'mean',
        avg_factor: Tensor | float | None = None,
        ignore_index: int = -100,
        avg_non_ignore: bool = False,
        **kwargs,
    ) -> Tensor:
        if self.class_weight is not None:
            class_weight = self.class_weight.to(pred.dtype)
        if avg_factor is None and reduction == 'mean':
            known = label != ignore_index
            if class_weight is not None:
                avg_factor = (class_weight[label.where(known, 0)] * known).sum()
            elif avg_non_ignore:
                avg_factor = known.sum()
        return cross_entropy(
            pred,
            label,
            weight,
            class_weight,
            reduction,
            avg_factor,
            ignore_index,
            avg_non_ignore=avg_non_ignore,
            **kwargs,
        )
