"""What leaderboard takes."""

from .options import ArgumentParser


def leaderboard() -> ArgumentParser:
    parser = ArgumentParser(
        description='Make a page of tables from the records of trainings and tests. A table holds '
        'only what was measured alike; the rest is left out, with the reason, and the exit status '
        'is 1.'
    )
    parser.add_argument(
        'records',
        nargs='*',
        metavar='RECORDS',
        help='files records.jsonl, folders that are searched for them, or names of tables '
        'that come with the package: shapes',
    )
    parser.add_argument(
        '--out',
        required=True,
        metavar='DIR',
        help='where to write index.html, leaderboard.md and leaderboard.csv',
    )
    parser.add_argument(
        '--published',
        nargs='+',
        default=[],
        metavar='DATASET',
        help='show published scores on voc2012, cityscapes, coco or ade20k even without records of '
        'ours; where there are some, those of their datasets are always shown',
    )
    return parser
