"""``KEY=VALUE`` words of a command line."""

import argparse
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from semiseg_mm.errors import UserError


def parse_options(words: Iterable[str]) -> dict[str, Any]:
    """Read words as mmengine does; what it fails at, or takes for text, is a sentence."""
    from mmengine.config import DictAction  # here, as it imports torch

    options = {}
    for word in words:
        key, sign, value = word.partition('=')
        if not sign or not all(key.split('.')):
            raise UserError(f'{word!r} is not of the form KEY=VALUE, as in train_cfg.max_iters=10.')
        plain = value.strip('\'"')
        lost = plain[:1] in ('[', '(') and any(
            plain.count(a) != plain.count(b) for a, b in ('[]', '()')
        )
        try:
            options[key] = DictAction._parse_iterable(value)
        except (AssertionError, RecursionError):
            lost = True
        if lost:
            raise UserError(
                f'The value in {word!r} has brackets that do not match: write a list as '
                "KEY='[1,2]', a tuple as KEY='(1,2)'."
            )
    return options


class ArgumentParser(argparse.ArgumentParser):
    """Asks of an unknown option whether a known one is meant."""

    def parse_args(self, args=None, namespace=None) -> argparse.Namespace:
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = list(self._option_string_actions)
            options = [word.partition('=')[0] for word in unknown if word.startswith('--')]
            near = [one for word in options for one in get_close_matches(word, known, n=1)]
            hint = f' (did you mean {", ".join(near)}?)' if near else ''
            self.error(f'unrecognized arguments: {" ".join(unknown)}{hint}')
        return found


class OptionsAction(argparse.Action):
    """Collect ``KEY=VALUE`` words into a dict; stands in for mmengine's DictAction."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        try:
            found = parse_options(values or ())
        except UserError as error:
            raise argparse.ArgumentError(self, str(error)) from error
        before = getattr(namespace, self.dest, None) or {}
        setattr(namespace, self.dest, {**before, **found})
