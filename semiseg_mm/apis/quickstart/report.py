from rich.table import Table

from .training import Training

REFERENCE = 'full labels*'
CAPTION = '* reference: SupOnly with 1000 labels, measured once'
NO_VALUE = '-'


def make_record(trainings: list[Training], reference: dict, shortened: bool) -> dict:
    """All that the table says, as numbers. ``mIoU`` is the last value, not the best."""
    results = {t.method.key: t.result() for t in trainings}
    base = (results.get('sup_only') or {}).get('mIoU')
    methods = []
    for t in trainings:
        row = dict(key=t.method.key, method=t.method.title, network=t.method.network)
        result = results[t.method.key] or dict(mIoU=None, seconds=None)
        row.update(mIoU=result['mIoU'], gain=None, seconds=result['seconds'])
        if base is not None and row['mIoU'] is not None and t.method.key != 'sup_only':
            row['gain'] = round(row['mIoU'] - base, 4)
        row.update(iters=t.max_iters, config=t.config.name, trained=t.result() is not None)
        methods.append(row)
    train = trainings[0].cfg.train_dataloader.dataset
    record = dict(
        shortened=shortened,
        iters=trainings[0].max_iters,
        seed=trainings[0].cfg.randomness.get('seed'),
        labeled=_count(train.labeled),
        unlabeled=_count(train.unlabeled),
        val=_count(trainings[0].cfg.val_dataloader.dataset),
        methods=methods,
        reference=reference,
    )
    record['conclusion'] = conclude(record)
    return record


def _count(source: dict) -> int:
    return source['num_images'] if source.get('num_images') else len(source['ids'])


def make_table(record: dict) -> Table:
    title = (
        f'{record["labeled"]} labeled and {record["unlabeled"]} unlabeled images, '
        f'{record["iters"]} iterations, seed {record["seed"]}'
    )
    if record['shortened']:
        title += '\nshortened by --iters: a quick look, not a comparison'
    table = Table(title=title, title_justify='left', caption_justify='left', caption=CAPTION)
    table.add_column('method')
    for column in ('mIoU (last)', 'gain over SupOnly', 'seconds'):
        table.add_column(column, justify='right')
    for row in record['methods']:
        if not row['trained']:
            table.add_row(row['method'], 'failed', NO_VALUE, NO_VALUE)
            continue
        gain = NO_VALUE if row['gain'] is None else f'{row["gain"]:+.2f}'
        name = f'{row["method"]} ({row["network"]})'
        table.add_row(name, f'{row["mIoU"]:.2f}', gain, f'{row["seconds"]:.0f}')
    table.add_row(REFERENCE, _reference(record['reference']), NO_VALUE, NO_VALUE)
    return table


def _reference(reference: dict) -> str:
    if reference.get('mIoU') is None:
        return NO_VALUE
    spread = reference.get('std')
    return f'{reference["mIoU"]:.2f}' + ('' if spread is None else f' ± {spread:.2f}')


def conclude(record: dict) -> str:
    """What came out, also if it is not what one hopes for."""
    rows = {row['key']: row for row in record['methods']}
    semi = [r for key, r in rows.items() if key not in ('sup_only', 'full_labels')]
    judged = [row for row in semi if row['gain'] is not None]
    if not judged:
        return 'Nothing can be compared: SupOnly, or all other trainings, have no result.'
    won, lost = [], []
    for row in judged:
        (won if row['gain'] > 0 else lost).append(f'{row["method"]} ({row["gain"]:+.2f})')
    parts = [f'{" and ".join(won)} beat SupOnly'] if won else []
    if lost:
        parts.append(f'{" and ".join(lost)} did NOT beat SupOnly')
    ending = 'the run was shortened' if record['shortened'] else 'small differences may be chance'
    return f'In this run {", ".join(parts)} in mIoU (one seed, {record["val"]} images; {ending}).'
