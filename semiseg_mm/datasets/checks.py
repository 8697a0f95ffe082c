import glob
import os.path as osp
from collections.abc import Iterator

from semiseg_mm.errors import UserError

from .backends import is_remote, join
from .splits import apply_split
from .unlabeled import check_no_circles

NO_MASKS = (
    '. Annotations of tools become masks with `semiseg_mm new`; `semiseg_mm predict` labels images '
    'without masks.'
)
SOURCES = ('labeled', 'unlabeled', 'dataset')


def check_paths(
    dataset: dict, key: str, split_key: str | None = None, backend_args: dict | None = None
) -> None:
    """Stop if a folder or id list that a dataset config names is not there.

    Without it a missing list goes unnoticed until an assertion deep in a dataset, or not at all.
    Files behind other backends (``s3://`` and the like) are left to these.
    """
    own_split = f'{key}.split' if dataset.get('split') else None
    dataset = apply_split(dataset)
    backend_args = dataset.get('backend_args') or backend_args
    for name in SOURCES:
        if isinstance(dataset.get(name), dict):
            check_paths(dataset[name], f'{key}.{name}', own_split, backend_args)
    if backend_args and backend_args.get('backend') != 'local':
        return
    for field, path, is_list in _paths(dataset):
        if is_remote(path) or glob.has_magic(path):
            continue
        if not (osp.isfile(path) or osp.isdir(path)) or (not is_list and osp.isfile(path)):
            kind = 'id list' if is_list else 'folder'
            mend = split_key if is_list and split_key else f'{key}.{field}'
            raise UserError(
                f'The {kind} {path} does not exist ({key}.{field}): correct the path in the '
                f'config, or with --cfg-options {mend}=...'
                + NO_MASKS
                * (field == 'data_prefix.seg_map_path')
            )
    _check_listed(dataset)


def _check_listed(dataset: dict) -> None:
    """Of a dataset of mmseg without an id list, the folder of images is listed."""
    folder = (dataset.get('data_prefix') or {}).get('img_path')
    if folder and not dataset.get('ann_file'):
        folder = join(dataset.get('data_root') or '', folder)
        if not is_remote(folder) and osp.isdir(folder):
            check_no_circles(folder)


def _paths(dataset: dict) -> Iterator[tuple[str, str, bool]]:
    root = dataset.get('data_root') or ''
    if root:
        yield 'data_root', root, False
    if dataset.get('ann_file'):
        yield 'ann_file', join(root, dataset['ann_file']), True
    folders = dict(dataset.get('data_prefix') or {})
    folders = {f'data_prefix.{name}': path for name, path in folders.items()}
    if dataset.get('img_path'):
        folders['img_path'] = dataset['img_path']
    for field, path in folders.items():
        if path:
            yield field, join(root, path), False
