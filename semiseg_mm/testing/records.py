"""Records as trainings write them, without a training."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def toy_record(method: str = 'fixmatch', seed: int = 0, score: float = 70.0, **facts: Any) -> dict:
    """Return the record of a last validation; ``facts`` replace its facts.

    A key with two underscores reaches into a fact: ``split__labeled='…'``.
    """
    record = dict(
        form=1, kind='validation', method=method, config=f'{method}_unet-s2.py',
        config_sha256=_hash(method), model='WeakToStrongSegmentor', evaluated='student',
        network=dict(name='EncoderDecoder(UNet, FCNHead)', encoder='UNet', weights=None,
                     weights_sha256=None, sha256=_hash('network')),
        dataset='Shapes',
        split=dict(name=None, labeled=_hash('l'), unlabeled=_hash('u'), masks=None),
        labels=30, unlabeled=1000, crop=[64, 64], batch=dict(labeled=8, unlabeled=8), processes=1,
        precision='float32', iterations=1000, total_iterations=1000, stage=None, seed=seed,
        iteration=1000, chosen='last', checkpoint=None,
        evaluation=dict(images=200, list=_hash('val'), masks=None, mode='whole', transforms=[]),
        scores=dict(mIoU=score, aAcc=90.0), per_class=dict(ball=score + 10, star=score - 10),
        seconds=98.0, memory_mb=512, device='cpu', threads=1, versions=dict(torch='2.13.0'),
        time='2026-11-27T21:50:03Z',
    )  # fmt: skip
    if method == 'sup_only':
        record.update(model='SupOnly', unlabeled=0, batch=dict(labeled=8, unlabeled=0))
        record['split']['unlabeled'] = None
    for key, value in facts.items():
        name, _, part = key.partition('__')
        record[name] = {**record[name], part: value} if part else value
    return record


def write_records(path: Path, records: Iterable[dict]) -> Path:
    """Write a file of records, a line each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{json.dumps(record)}\n' for record in records), encoding='utf-8')
    return path


def _hash(word: str) -> str:
    """Return something that looks like a hash, and shows of what."""
    return f'{word.encode().hex():0<64}'[:64]
