import os
import os.path as osp
from collections.abc import Sequence

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS
from semiseg_mm.utils.atomic import read_lines

from .identity import image_id, image_paths, image_root


@DATASETS.register_module()
class PseudoLabeledDataset(Dataset):
    """Unlabeled images, each with a label map that a network made.

    It takes the place of SemiDataset's unlabeled source. With a pipeline that loads the label map
    too, a sample has a label, like those of the labeled source.

    Args:
        images: Config of the unlabeled source (UnlabeledDataset, …), without pipeline.
        label_dir: Folder of the label maps, 8-bit PNG: for the image ``a/b.jpg`` of the image
            folder it is ``<label_dir>/a/b.png``. A local folder, not looked for below data_root.
            Of several folders the first one that has an image's label map counts.
        conf_dir: Folder of the confidences (for each label_dir), 8-bit PNG, named likewise.
        only: A label stage's list (for each label_dir, or None) of the images that are labeled
            there, one id a line and nothing else; images that are in no list are left out. Without
            lists every image must have a label map.
    """

    def __init__(
        self,
        images: dict,
        label_dir: str | Sequence[str],
        conf_dir: str | Sequence[str] | None = None,
        only: str | Sequence[str | None] | None = None,
        pipeline: Sequence = (),
    ) -> None:
        self.images = DATASETS.build({**images, 'pipeline': []})
        self.data_prefix, self.metainfo = self.images.data_prefix, self.images.metainfo
        self.root = image_root(self.images)
        self.label_dirs = _listed(label_dir)
        self.conf_dirs = _listed(conf_dir)
        self.pipeline = Compose(list(pipeline))
        self.rows, self.folder_of = self._assign(_listed(only))

    def __len__(self) -> int:
        return len(self.rows)

    def get_data_info(self, index: int) -> dict:
        info = self.images.get_data_info(int(self.rows[index]))
        folder = self.folder_of[index]
        files = [dirs[folder] for dirs in (self.label_dirs, self.conf_dirs) if dirs]
        files = [file_of(info['img_path'], self.root, one) for one in files]
        info.update(zip(('seg_map_path', 'confidence_path'), files), sample_idx=index)
        return dict(info, label_map=None, reduce_zero_label=False)

    def image_paths(self) -> list[str]:
        paths = image_paths(self.images)
        return [paths[row] for row in self.rows.tolist()]

    def _assign(self, only: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """The images that take part, and the number of the folder that has each one's label."""
        paths = image_paths(self.images)
        folder_of = np.full(len(paths), -1, np.int16)
        for number, folder in enumerate(self.label_dirs):
            files = files_beside(paths, self.root, folder)
            listed = None
            if only and only[number]:
                listed = set(read_lines(only[number]))
            for k, file in enumerate(files):
                if folder_of[k] < 0 and (
                    osp.isfile(file) if listed is None else image_id(paths[k], self.root) in listed
                ):
                    folder_of[k] = number
        if not only:
            missing = np.flatnonzero(folder_of < 0)
            self._check(missing, paths, self.label_dirs[0], 'label map', 'label_dir')
        rows = np.flatnonzero(folder_of >= 0).astype(np.int32)
        if not len(rows):
            raise UserError(f'None of the images has a label map in {", ".join(self.label_dirs)}.')
        for dirs, what, option in (
            (self.label_dirs if only else [], 'label map', 'label_dir'),
            (self.conf_dirs, 'confidence', 'conf_dir'),
        ):
            if dirs:
                lost = [
                    k
                    for k in rows.tolist()
                    if not osp.isfile(file_of(paths[k], self.root, dirs[folder_of[k]]))
                ]
                self._check(lost, paths, dirs[0], what, option)
        return rows, folder_of[rows]

    def _check(self, missing, paths: list[str], folder: str, what: str, option: str) -> None:
        if len(missing):
            first = paths[missing[0]]
            raise UserError(
                f'{len(missing)} of {len(paths)} images have no {what}; the first is '
                f'{file_of(first, self.root, folder)}, for {first}: correct {option} of the '
                'PseudoLabeledDataset, label these images, or leave them out (ann_file, exclude).'
            )


def _listed(value: str | Sequence[str] | None) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (str, os.PathLike)):
        return [str(value)]
    return [None if one is None else str(one) for one in value]


def file_of(image: str, root: str, folder: str) -> str:
    """The file that belongs to an image, below ``folder``: the path below ``root``, as .png."""
    return file_named(image_id(image, root), folder)


def file_named(name: str, folder: str, suffix: str = '.png') -> str:
    """The file that belongs to the image of this id, which has no suffix (but may hold dots)."""
    # an image from elsewhere (an absolute path in a list) must not lead out of the folder
    steps = [step for step in name.split('/') if step not in ('', '.', '..')]
    return osp.join(folder, *steps) + suffix


def files_beside(images: Sequence[str], root: str, folder: str) -> list[str]:
    """Each image's file. Two that would share one (``a.jpg`` beside ``a.tif``) are refused."""
    owners: dict[str, str] = {}
    files = []
    for image in images:
        file = file_of(image, root, folder)
        other = owners.setdefault(file, image)
        if other != image:
            raise UserError(
                f'{other} and {image} would share the label map {file}: rename one of them, or '
                'leave it out.'
            )
        files.append(file)
    return files
