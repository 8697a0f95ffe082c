"""What a user can mend."""


class UserError(Exception):
    """One sentence: what is wrong, in which file or key, and what to do.

    The tools print the sentence alone, without a traceback, and exit with 1.
    """
