"""Records: what a training or a test came to, with all that one must know to compare it.

A record is one JSON object, a line of ``records.jsonl``: one score of one network at one moment.
"""

from .file import NAME, Record, append_records, read_records
from .form import FORM, check_form, identity, network_order

__all__ = [
    'FORM',
    'NAME',
    'Record',
    'append_records',
    'check_form',
    'identity',
    'network_order',
    'read_records',
]
