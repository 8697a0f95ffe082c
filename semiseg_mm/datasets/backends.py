"""Images, label maps and id lists that lie elsewhere: what mmengine's file backends lack."""

import copy
import inspect
import os
import os.path as osp
import stat
import tempfile
from collections.abc import Iterator

from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmengine.fileio.backends import BaseStorageBackend
from torch.utils.data import Dataset

from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS, TRANSFORMS
from semiseg_mm.utils import check_choice

from . import http_backend  # noqa: F401  (registers it)


def is_remote(path: str, backend_args: dict | None = None) -> bool:
    return '://' in path or (backend_args or {}).get('backend', 'local') != 'local'


def is_special(path: str, backend_args: dict | None = None) -> bool:
    """Whether a local path is a pipe, a socket or a device: reading it may never end."""
    if is_remote(path, backend_args):
        return False
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def fetch(path: str, backend_args: dict | None = None) -> bytes:
    """Return the content of a file, wherever it is; what might never end is not read."""
    if is_special(path, backend_args):
        raise OSError('it is a pipe, a socket or a device, and no file')
    content = fileio.get(path, backend_args=backend_args)
    if content is None:  # LMDB and petrel
        raise FileNotFoundError('the storage holds no such file')
    return content


def join(folder: str, name: str) -> str:
    """mmengine's join_path, which HTTP and LMDB do not have."""
    if not folder or '://' in name or osp.isabs(name):
        return name
    if '://' in folder:
        return f'{folder.rstrip("/")}/{name}'.rstrip('/')
    return osp.join(folder, name) if name else folder


def says_missing(error: Exception) -> bool:
    """Whether a storage says that there is no such file, and not that it is out of reach."""
    answer = getattr(error, 'response', None)  # of botocore
    code = str(answer.get('Error', {}).get('Code')) if isinstance(answer, dict) else ''
    words = (type(error).__name__, code)
    return (
        isinstance(error, (FileNotFoundError, KeyError))
        or code == '404'
        or any(part in word for part in ('NotFound', 'NoSuchKey') for word in words)
    )


def read_list(path: str, backend_args: dict | None = None) -> str:
    """The text of an id list. A local file comes first, whatever the images lie in."""
    if osp.isfile(path):
        with open(path, encoding='utf-8') as file:
            return file.read()
    content = None
    if is_remote(path, backend_args):
        try:
            content = fileio.get(path, backend_args=backend_args)
        except UserError:
            raise
        except Exception as error:  # each storage has its own
            if not says_missing(error):
                reason = f'{type(error).__name__}: {error}'
                raise UserError(f'The id list {path} could not be fetched ({reason}).') from error
    if content is None:
        raise UserError(f'The id list {path} does not exist.')
    return bytes(content).decode()


def list_files(folder: str, backend_args: dict | None = None, **kwargs) -> Iterator[str]:
    """mmengine's list_dir_or_file, with a sentence for storages that cannot list."""
    backend = fileio.get_file_backend(folder, backend_args=backend_args, enable_singleton=True)
    if not hasattr(backend, 'list_dir_or_file'):
        raise UserError(
            f'{folder or "The storage"} cannot be listed ({type(backend).__name__}): name the '
            'images with an id list (split, or ann_file).'
        )
    return backend.list_dir_or_file(folder, **kwargs)


# ------------------------------------------------------------------ from one key to all places


def with_backend(source: dict | None, backend_args: dict | None) -> dict | None:
    """A source's config with the backend for itself and for all transforms that load.

    What the source or a transform says itself counts more. Where a network's label maps are used
    (``label_dir``), these are local files: only images come from the backend.
    """
    args = (source or {}).get('backend_args') or backend_args
    if not source or not args:
        return source
    if 'backend' in args:
        check_choice('backend', args['backend'], fileio.backends.backends, 'backend_args')
    source = copy.deepcopy(source)
    if 'images' in source:
        source['images'] = with_backend(source['images'], args)
    else:
        source['backend_args'] = dict(args)
    for transform in source.get('pipeline', ()):
        if isinstance(transform, dict) and _loads(transform['type'], 'label_dir' in source):
            transform.setdefault('backend_args', dict(args))
    return source


def _loads(kind: str | type, images_only: bool) -> bool:
    transform = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    an_image = inspect.isclass(transform) and issubclass(transform, LoadImageFromFile)
    if images_only and not an_image:
        return False
    return 'backend_args' in inspect.signature(transform).parameters


# ------------------------------------------------------------------ mmseg's datasets


def build_source(cfg: dict) -> Dataset:
    """Build a dataset of mmseg wherever its files are.

    mmseg's classes ask the local disk for the id list, and mmengine joins paths without knowing
    the backend; so the list is fetched for the time of building, and paths are joined before.
    """
    folders, root = cfg.get('data_prefix') or {}, cfg.get('data_root') or ''
    backend_args = cfg.get('backend_args')
    places = (root, *filter(None, folders.values()))
    if not folders or not any(is_remote(place, backend_args) for place in places):
        return DATASETS.build(cfg)
    folders = {k: path if path is None else join(root, path) for k, path in folders.items()}
    ann_file = join(root, cfg['ann_file']) if cfg.get('ann_file') else ''
    built = dict(cfg, data_root='', data_prefix=folders, ann_file=ann_file)
    built['backend_args'] = dict(backend='semiseg_mm_sources', args=backend_args)
    with tempfile.TemporaryDirectory() as folder:
        if ann_file:
            built['ann_file'] = osp.join(folder, 'list.txt')
            with open(built['ann_file'], 'w', encoding='utf-8') as file:
                file.write(read_list(ann_file, backend_args))
        dataset = DATASETS.build(built)
        dataset.full_init()
    dataset.ann_file, dataset.backend_args = ann_file, backend_args
    return dataset


@fileio.register_backend('semiseg_mm_sources')
class SourceBackend(BaseStorageBackend):
    """What a dataset of mmseg sees while it is built: a local id list, all else elsewhere."""

    def __init__(self, args: dict | None = None) -> None:
        self.args = args

    def get(self, filepath: str) -> bytes:
        return fileio.get(filepath, backend_args=self.args)

    def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
        return read_list(str(filepath), self.args)

    def exists(self, filepath: str) -> bool:
        """Storages that cannot tell are trusted."""
        backend = fileio.get_file_backend(filepath, backend_args=self.args, enable_singleton=True)
        return not hasattr(backend, 'exists') or backend.exists(filepath)

    def list_dir_or_file(
        self, dir_path: str, list_dir=True, list_file=True, suffix=None, recursive=False
    ) -> Iterator[str]:
        return list_files(
            dir_path, self.args, list_dir=list_dir, list_file=list_file, suffix=suffix,
            recursive=recursive,
        )  # fmt: skip
