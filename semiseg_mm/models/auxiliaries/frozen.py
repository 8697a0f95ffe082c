from collections.abc import Callable

from torch import nn
from torch.func import functional_call


def frozen(module: nn.Module) -> Callable:
    """Return the module as a function whose weights are constants.

    A gradient passes through it to its input, and none reaches its weights. So the adversarial
    term of a segmentor and the discriminator's own term stand in one sum of losses: the first
    judges by ``frozen(discriminator)(probabilities)``, the second learns from
    ``discriminator(probabilities.detach())``.
    """

    def call(*args, **kwargs):
        weights = {name: weight.detach() for name, weight in module.named_parameters()}
        return functional_call(module, weights, args, kwargs)

    return call
