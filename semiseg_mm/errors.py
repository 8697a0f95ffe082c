"""What a user can mend."""


class UserError(Exception):
    """One sentence: what is wrong, in which file or key, and what to do.

    The tools print the sentence alone, without a traceback, and exit with 1.
    """


class BrokenImage(UserError):
    """A file that should be an image and is none."""

    def __init__(self, path: str, reason: str = '') -> None:
        # torch rebuilds a worker's exception from its text alone
        super().__init__(f'The image {path} cannot be used: {reason}.' if reason else path)
        self.path, self.reason = path, reason


class BrokenMask(UserError):
    """A file that should be a mask and is none."""

    def __init__(self, path: str, reason: str = '') -> None:
        # as above; a worker's text is the whole sentence
        super().__init__(
            f'The mask {path} cannot be read ({reason}): mend the file or leave the image out.'
            if reason
            else path
        )
        self.path, self.reason = path, reason


class BadMask(UserError):
    """A mask with values that 8 bits cannot hold."""

    def __init__(self, path: str | None, values: str = '') -> None:
        # as above; a worker's text is the whole sentence
        super().__init__(
            f'The mask {path} holds {values}, but class numbers are whole and from 0 to 255: save '
            'it as an 8-bit PNG, one class number a pixel, 255 for ignored pixels.'
            if values
            else path
        )
        self.path, self.values = path, values
