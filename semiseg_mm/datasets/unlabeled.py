import copy
import errno
import glob
import os
import os.path as osp
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset, force_full_init
from mmengine.logging import print_log

from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS

from .backends import is_remote, join, list_files, read_list
from .id_lists import first_columns
from .identity import fixed_part

END = '\0'  # between the strings of an item: no path holds it
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


@DATASETS.register_module()
class UnlabeledDataset(BaseDataset):
    """Images without masks: a folder, a glob, or an id list over a folder.

    No path of a mask is ever made, so none can be opened. The paths are kept as bytes, all in one
    array: workers share it, and reading it leaves nothing behind in them.

    Args:
        img_path: A folder (searched recursively), or a glob such as ``cam?/*.png``; below
            ``data_root`` if that is given.
        ann_file: An id list, one image a line: its path below ``img_path``, with or without the
            suffix. Only the first column counts, so lists with an image and a mask column will do.
            Lines that begin with # are passed over.
        img_suffix: Appended to ids that end in no known image suffix.
        exclude: An id list (or several) of images to leave out, the labeled ones, say: their paths
            below ``img_path`` (a glob's: below its fixed part); suffixes do not count.
        backend_args: Where images and lists are, if not in folders. SemiDataset hands down its own.
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
        remote = is_remote(folder, self.backend_args)
        if self.ann_file:
            names = self._read(self.ann_file)
            paths = [join(folder, n if _is_image(n) else n + self.img_suffix) for n in names]
        elif not remote and glob.has_magic(self.img_path) and not osp.isdir(folder):
            pattern = osp.join(glob.escape(self.data_root or ''), self.img_path)
            if '**' in self.img_path:
                check_no_circles(fixed_part(folder))
            paths = sorted(
                p for p in glob.glob(pattern, recursive=True) if _is_image(p) and osp.isfile(p)
            )
        elif remote:
            names = list_files(folder, self.backend_args, list_dir=False, recursive=True)
            paths = sorted(join(folder, name) for name in names if _is_image(name))
        else:
            paths = sorted(images_below(folder))
        if self.exclude:
            root = folder if remote else fixed_part(folder)
            left_out = {_stem(join(root, n)) for file in self.exclude for n in self._read(file)}
            paths = [path for path in paths if _stem(path) not in left_out]
        if not paths:
            raise UserError(
                f'No unlabeled image found in {self.ann_file or folder}: point '
                'train_dataloader.dataset.unlabeled.img_path at a folder or glob with images '
                f'({", ".join(IMAGE_SUFFIXES)}).'
            )
        return [dict(img_path=path) for path in paths]

    def _read(self, list_file: str) -> list[str]:
        return first_columns(read_list(self.join_root(list_file), self.backend_args))

    def join_root(self, path: str) -> str:
        if not self.data_root or path.startswith(osp.join(self.data_root, '')):
            return path
        return join(self.data_root, path)

    def _join_prefix(self) -> None:
        """mmengine's asks a storage to join, without telling it where it is."""
        self.ann_file = join(self.data_root, self.ann_file) if self.ann_file else ''
        self.data_prefix['img_path'] = join(self.data_root, self.data_prefix['img_path'])

    # ------------------------------------------------------------------ storage

    def _serialize_data(self) -> tuple[np.ndarray, np.ndarray]:
        """As mmengine's, but an item is its strings, instead of a pickled dict.

        What else it holds is the same for all items, and kept once.
        """
        first = self.data_list[0]
        self._keys = [key for key, value in first.items() if isinstance(value, str)]
        self._shared = {key: first[key] for key in first if key not in self._keys}
        items = []
        for info in self.data_list:
            texts = [info.pop(key) for key in self._keys]
            if info != self._shared:
                raise TypeError(
                    f'{type(self).__name__}: what differs between images must be text, {info} is '
                    f'not {self._shared}; or set serialize_data=False.'
                )
            items.append(END.join(texts).encode(errors='surrogateescape'))
        self.data_list.clear()
        ends = np.cumsum(np.fromiter(map(len, items), np.int64, len(items)))
        return np.frombuffer(b''.join(items), np.uint8), ends

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        if not self.serialize_data:
            return dict(seg_fields=[]) | super().get_data_info(idx)
        idx = range(len(self))[idx]
        start = self.data_address[idx - 1] if idx else 0
        texts = _texts(self.data_bytes[start : self.data_address[idx]].tobytes())
        info = dict(seg_fields=[]) | copy.deepcopy(self._shared) | dict(zip(self._keys, texts))
        return dict(info, sample_idx=idx)

    @force_full_init
    def image_paths(self) -> Iterator[str]:
        """Of all images, in order; much quicker than asking for each."""
        if not self.serialize_data:
            return (info['img_path'] for info in self.data_list)
        data, ends = self.data_bytes.tobytes(), self.data_address.tolist()
        place = self._keys.index('img_path')
        return (_texts(data[start:end])[place] for start, end in zip([0, *ends], ends))


def _texts(item: bytes) -> list[str]:
    return item.decode(errors='surrogateescape').split(END)


def images_below(
    folder: str, refuse_circles: bool = False, above: frozenset | None = None
) -> Iterator[str]:
    """Yield what mmengine's list_dir_or_file finds, which needs longer to say where it was.

    A link that leads back to a folder that it lies in, or to itself, is left out with a warning:
    else its images would be found again and again.

    Args:
        refuse_circles: Stop at such a link.
        above: The folders that this one lies in, by device and number.
    """
    if above is None:
        above = frozenset(_number(path) for path in Path(folder).resolve().parents)
    above = above | {_number(folder)}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() and _leads_back(entry.path, above):
                text = f'The link {entry.path} leads back to a folder that it lies in, or to itself'
                if refuse_circles:
                    raise UserError(f'{text}: remove it.')
                print_log(f'{text}: it is left out.', 'current', level=30)
            elif entry.is_dir():
                yield from images_below(entry.path, refuse_circles, above)
            elif _is_image(entry.name) and entry.name[0] != '.' and entry.is_file():
                yield entry.path


def check_no_circles(folder: str) -> None:
    """Stop at links that lead in a circle: others who list a folder would go round and round."""
    deque(images_below(folder, refuse_circles=True), maxlen=0)


def _leads_back(link: str, above: frozenset) -> bool:
    try:
        return _number(link) in above
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return True


def _number(path: str | Path) -> tuple[int, int]:
    state = os.stat(path)
    return state.st_dev, state.st_ino


def _is_image(path: str) -> bool:
    return path.lower().endswith(IMAGE_SUFFIXES)


def _stem(path: str) -> str:
    return path.rpartition('.')[0] if _is_image(path) else path
