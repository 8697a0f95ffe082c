from torch import nn

from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_absent


def derived_part(config: dict, owner: str, **derived) -> nn.Module:
    """Build a part of a method, some of whose arguments follow from the network.

    Args:
        config: Its config; it must leave these arguments out.
        owner: Whose they are, for the refusal of one that is there.
        derived: The arguments.
    """
    check_absent(derived, config, owner)
    return MODELS.build(dict(config, **derived))
