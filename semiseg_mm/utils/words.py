def counted(count: int, noun: str) -> str:
    """Return a number with its noun: '1 image', '2 images'."""
    return f'{count} {noun}{"s" * (count != 1)}'
