import glob
import hashlib
import os.path as osp

from mmengine.dataset import BaseDataset


def ids_hash(ids: list[str]) -> str:
    """sha256 of the sorted, de-duplicated ids, joined by newlines, with a final newline."""
    text = '\n'.join(sorted(set(ids))) + '\n'
    return hashlib.sha256(text.encode()).hexdigest()


def fixed_part(path: str) -> str:
    """A glob's folder, down to the first wildcard; a path without one comes back as it is."""
    while glob.has_magic(path) and not osp.isdir(path):
        path = osp.dirname(path)
    return path


def sample_ids(dataset: BaseDataset) -> list[str]:
    """A dataset's images as paths below its image folder, without suffix: machine-independent."""
    root = fixed_part(str(dataset.data_prefix.get('img_path') or ''))
    ids = []
    for index in range(len(dataset)):
        path = dataset.get_data_info(index)['img_path']
        if root and path.startswith(root):
            path = path[len(root) :].lstrip('/\\')
        ids.append(osp.splitext(path)[0].replace('\\', '/'))
    return ids


def list_identity(dataset: BaseDataset) -> dict:
    """Count and hash of a dataset's images, and whether they stand in the same order."""
    ids = sample_ids(dataset)
    order = hashlib.sha256('\n'.join(ids).encode()).hexdigest()
    return dict(count=len(ids), sha256=ids_hash(ids), order=order)
