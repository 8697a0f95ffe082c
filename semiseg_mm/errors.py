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
