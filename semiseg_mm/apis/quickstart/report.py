from rich.table import Table

from semiseg_mm.utils.spread import NO_VALUE, spread

from .methods import Trained

REFERENCE = 'full labels*'
CAPTION = (
    '* reference, measured beforehand: SupOnly with {labels} labels, '
    'mean ± standard deviation over {seeds} seeds'
)


def make_record(trained: list[Trained], reference: dict, shortened: bool) -> dict:
    """All that the table says, as numbers. ``mIoU`` is the last value, not the best."""
    base = next((one.score for one in trained if one.method.key == 'sup_only'), None)
    methods, run = [], trained[0].run
    for one in trained:
        row = dict(key=one.method.key, method=one.method.title, network=one.method.network)
        row.update(mIoU=one.score, gain=None, trained=one.score is not None)
        if None not in (base, one.score) and one.method.key != 'sup_only':
            row['gain'] = round(one.score - base, 4)
        row.update(seconds=(one.run.result() or {}).get('seconds'), iters=one.run.iters)
        row.update(config=one.run.about['base'])
        methods.append(row)
    record = dict(
        shortened=shortened,
        iters=run.iters,
        seed=run.seed,
        labeled=run.about['labels'],
        unlabeled=max(one.run.about['unlabeled'] or 0 for one in trained),  # SupOnly sees none
        val=run.about['evaluation']['images'],
        methods=methods,
        reference=reference,
    )
    record['conclusion'] = conclude(record)
    return record


def make_table(record: dict) -> Table:
    title = (
        '{labeled} labeled and {unlabeled} unlabeled images, {iters} iterations, seed {seed}'
    ).format_map(record)
    if record['shortened']:
        title += '\nshortened by --iters: a quick look, not a comparison'
    known = record['reference']
    caption = CAPTION.format_map(known)
    table = Table(title=title, title_justify='left', caption_justify='left', caption=caption)
    table.add_column('method')
    for column in ('mIoU (last)', 'gain over SupOnly', 'seconds'):
        table.add_column(column, justify='right')
    for row in record['methods']:
        if not row['trained']:
            table.add_row(row['method'], 'failed', NO_VALUE, NO_VALUE)
            continue
        numbers = spread(row['mIoU']), spread(row['gain'], sign='+'), f'{row["seconds"]:.0f}'
        table.add_row(f'{row["method"]} ({row["network"]})', *numbers)
    table.add_row(REFERENCE, spread(known['mIoU'], known['std']), NO_VALUE, NO_VALUE)
    return table


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
