from mmengine.optim import OptimWrapper


def accumulated(optim_wrapper: OptimWrapper) -> int:
    """Return how many iterations make one step of the optimizer."""
    return getattr(optim_wrapper, '_accumulative_counts', 1)
