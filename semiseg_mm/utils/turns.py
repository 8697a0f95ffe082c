def turn_of(iteration: int, max_iters: int, turns: int) -> int:
    """Return in which of so many equal parts of a training an iteration lies, from 0."""
    return iteration * turns // max_iters
