import glob
import hashlib
import os.path as osp
from collections.abc import Iterable

from mmengine.dataset import BaseDataset


def ids_hash(ids: Iterable[str]) -> str:
    """sha256 of the sorted, de-duplicated ids, joined by newlines, with a final newline."""
    text = '\n'.join(dict.fromkeys(sorted(ids))) + '\n'  # quick where ids come sorted
    return _sha256(text)


def fixed_part(path: str) -> str:
    """A glob's folder, down to the first wildcard; a path without one comes back as it is."""
    while glob.has_magic(path) and not osp.isdir(path):
        path = osp.dirname(path)
    return path


def sample_ids(dataset: BaseDataset) -> list[str]:
    """A dataset's images as paths below its image folder, without suffix: machine-independent."""
    root = image_root(dataset)
    return [image_id(path, root) for path in image_paths(dataset)]


def image_root(dataset: BaseDataset) -> str:
    return fixed_part(str(dataset.data_prefix.get('img_path') or ''))


def image_paths(dataset: BaseDataset) -> list[str]:
    if hasattr(dataset, 'image_paths'):
        return list(dataset.image_paths())
    return [dataset.get_data_info(k)['img_path'] for k in range(len(dataset))]


def image_id(path: str, root: str) -> str:
    """An image's path below ``root``, without suffix; of other images the whole path."""
    folder = root.rstrip('/\\')
    if root and path.startswith((f'{folder}/', f'{folder}\\')):
        path = path[len(folder) :].lstrip('/\\')
    return osp.splitext(path)[0].replace('\\', '/')


def list_identity(dataset: BaseDataset) -> dict:
    """Count and hash of a dataset's images, and whether they stand in the same order."""
    return describe_ids(sample_ids(dataset))


def describe_ids(ids: list[str]) -> dict:
    return dict(count=len(ids), sha256=ids_hash(ids), order=_sha256('\n'.join(ids)))


def files_hash(paths: Iterable[str | None]) -> str:
    """sha256 of the files' contents, in their order; of those that are local files."""
    digest = hashlib.sha256()
    for path in paths:
        if path and osp.isfile(path):
            with open(path, 'rb') as file:
                digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()
