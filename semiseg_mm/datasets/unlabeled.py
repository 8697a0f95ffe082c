import glob
import os.path as osp

from mmengine import fileio
from mmengine.dataset import BaseDataset

from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS

from .identity import fixed_part

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


@DATASETS.register_module()
class UnlabeledDataset(BaseDataset):
    """Images without masks: a folder, a glob, or an id list over a folder.

    No path of a mask is ever made, so none can be opened.

    Args:
        img_path: A folder (searched recursively), or a glob such as ``cam?/*.png``; below
            ``data_root`` if that is given.
        ann_file: An id list, one image a line: its path below ``img_path``, with or without the
            suffix. Only the first column counts, so lists with an image and a mask column will do.
        img_suffix: Appended to ids that end in no known image suffix.
        exclude: An id list (or several) of images to leave out, the labeled ones, say: their paths
            below ``img_path`` (a glob's: below its fixed part); suffixes do not count.
    """

    METAINFO: dict = dict()

    def __init__(
        self,
        img_path: str,
        data_root: str = '',
        ann_file: str = '',
        img_suffix: str = '.jpg',
        exclude: str | list[str] = (),
        pipeline: list = (),
        backend_args: dict | None = None,
        **kwargs,
    ) -> None:
        self.img_path = img_path
        self.img_suffix = img_suffix
        self.backend_args = backend_args
        self.exclude = [exclude] if isinstance(exclude, str) else list(exclude)
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=dict(img_path=img_path),
            pipeline=list(pipeline),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        folder = self.data_prefix['img_path']
        if self.ann_file:
            paths = [self._path(name) for name in self._read(self.ann_file)]
        elif glob.has_magic(self.img_path) and not osp.isdir(folder):
            pattern = osp.join(glob.escape(self.data_root or ''), self.img_path)
            paths = sorted(
                p for p in glob.glob(pattern, recursive=True) if _is_image(p) and osp.isfile(p)
            )
        else:
            names = fileio.list_dir_or_file(
                folder, list_dir=False, recursive=True, backend_args=self.backend_args
            )
            paths = sorted(
                fileio.join_path(folder, name, backend_args=self.backend_args)
                for name in names
                if _is_image(name)
            )
        root = fixed_part(folder)
        names = [name for file in self.exclude for name in self._read(file)]
        left_out = {_stem(fileio.join_path(root, n, backend_args=self.backend_args)) for n in names}
        paths = [path for path in paths if _stem(path) not in left_out]
        if not paths:
            raise UserError(
                f'No unlabeled image found in {self.ann_file or folder}: point '
                'train_dataloader.dataset.unlabeled.img_path at a folder or glob with images '
                f'({", ".join(IMAGE_SUFFIXES)}).'
            )
        return [dict(img_path=path, seg_fields=[]) for path in paths]

    def _read(self, list_file: str) -> list[str]:
        list_file = self.join_root(list_file)
        if '://' not in list_file and not osp.isfile(list_file):
            raise UserError(f'The id list {list_file} does not exist.')
        lines = fileio.get_text(list_file, backend_args=self.backend_args).splitlines()
        return [_first_column(line.strip()) for line in lines if line.strip()]

    def join_root(self, path: str) -> str:
        if not self.data_root or osp.isabs(path) or path.startswith(osp.join(self.data_root, '')):
            return path
        return osp.join(self.data_root, path)

    def _path(self, name: str) -> str:
        if not _is_image(name):
            name += self.img_suffix
        return fileio.join_path(self.data_prefix['img_path'], name, backend_args=self.backend_args)


def _first_column(line: str) -> str:
    """Columns are parted by tabs or spaces; a name with spaces needs its suffix, or tabs."""
    if '\t' in line:
        return line.split('\t')[0].strip()
    first = line.split()[0]
    return line if _is_image(line) and not _is_image(first) else first


def _is_image(path: str) -> bool:
    return path.lower().endswith(IMAGE_SUFFIXES)


def _stem(path: str) -> str:
    return osp.splitext(path)[0] if _is_image(path) else path
