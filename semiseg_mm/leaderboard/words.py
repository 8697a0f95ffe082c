"""Facts of a record in words."""

import json
from typing import Any


def said(value: Any) -> str:
    """Return a fact as people read it: a size with ×, of a hash its first digits."""
    if value is None or value == []:
        return 'none'
    if isinstance(value, str):
        return value[:12] if len(value) == 64 else value
    if isinstance(value, list) and value and all(isinstance(one, int) for one in value):
        return '×'.join(map(str, value))
    if isinstance(value, list):
        return ', '.join(map(said, value))
    if isinstance(value, dict) and isinstance(value.get('type'), str):
        return f'{value["type"]}({_options(value)})'
    return json.dumps(value, sort_keys=True)


def _options(step: dict) -> str:
    return ', '.join(f'{key} {said(value)}' for key, value in sorted(step.items()) if key != 'type')


def batch(facts: dict) -> str:
    """Return how many labeled and unlabeled images a batch has: '8 + 8', or '8' alone."""
    return ' + '.join(str(count) for count in facts['batch'].values() if count) or 'none'
