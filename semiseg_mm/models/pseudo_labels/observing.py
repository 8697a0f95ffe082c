from torch import Tensor, nn

from semiseg_mm.structures import PseudoLabel

from .hard import HardPseudoLabel


def observe(part: nn.Module | None, target: PseudoLabel, progress: float) -> None:
    """Show a part that changes over the training what it is about to be used on.

    Filters and pseudo labels may have ``observe(target, progress)``. It is called once an
    iteration, before they are used, and is the only place where they may change; what they
    remember are buffers, the same on all processes.
    """
    if hasattr(part, 'observe'):
        part.observe(target, progress)


def observe_logits(part: nn.Module, logits: Tensor, valid: Tensor, progress: float) -> None:
    """Show a ``pseudo_label`` what it is about to label, as plain hard labels."""
    if hasattr(part, 'observe'):
        part.observe(HardPseudoLabel()(logits, valid), progress)


def labeled_by(part: nn.Module, logits: Tensor, valid: Tensor, progress: float) -> PseudoLabel:
    """Return what a ``pseudo_label`` makes of logits, after it was shown them."""
    observe_logits(part, logits, valid, progress)
    return part(logits, valid)


def filtered(
    part: nn.Module | None, target: PseudoLabel, progress: float | None = None
) -> PseudoLabel:
    """Return what a filter leaves of a label; without a filter, all of it.

    Args:
        progress: Let the filter observe the label first; for a label that is filtered once.
    """
    if progress is not None:
        observe(part, target, progress)
    return target if part is None else part(target)
