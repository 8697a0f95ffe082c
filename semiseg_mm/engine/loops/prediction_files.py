import os.path as osp
from collections.abc import Iterator, Sequence

from mmseg.structures import SegDataSample
from torch.utils.data import Dataset

from semiseg_mm.datasets.identity import image_id, image_paths, image_root
from semiseg_mm.datasets.pseudo_labeled import file_of
from semiseg_mm.errors import UserError
from semiseg_mm.utils import make_folder, write_mask


class PredictionFiles:
    """Writes ``<folder>/a/b.png`` for the image ``a/b.jpg`` of the image folder.

    The numbers in it are those that mmseg's IoUMetric writes, shown in the colours of the dataset,
    if it has some. Of a dataset that knows no image
    folder the files have the names of the images alone; two images never share a file.

    Args:
        dataset: The images that will come, to refuse shared names before anything is predicted.
    """

    def __init__(self, folder: str, dataset: Dataset) -> None:
        self.folder = folder
        self.palette = list((getattr(dataset, 'metainfo', None) or {}).get('palette') or [])
        self.roots = sorted(set(_roots(dataset)), key=len, reverse=True)
        self.owners: dict[str, str] = {}
        for path in _paths(dataset):
            self.claim(path)
        make_folder(folder)

    def claim(self, image: str) -> str:
        """The file of an image. (An image may come twice, where processes share unevenly.)"""
        file = self._file(image)
        other = self.owners.setdefault(file, image)
        if other != image:
            raise UserError(
                f'--out: {other} and {image} would share the file {file}: rename one of them, or '
                'give the test dataset the folder of both as data_prefix.img_path.'
            )
        return file

    def _file(self, image: str) -> str:
        for root in self.roots:
            if image_id(image, root) != image_id(image, ''):
                return file_of(image, root, self.folder)
        if self.roots:
            return file_of(image, '', self.folder)
        return osp.join(self.folder, osp.basename(image_id(image, '')) + '.png')

    def write(self, samples: Sequence[SegDataSample]) -> None:
        for sample in samples:
            label = sample.pred_sem_seg.data.squeeze(0).cpu().numpy()  # H,W
            palette = self.palette
            if sample.get('reduce_zero_label', False):
                label, palette = label + 1, [(0, 0, 0), *palette]  # as the masks there count
            file = self.claim(sample.img_path)
            make_folder(osp.dirname(file))
            write_mask(file, label, palette if self.palette else None, durable=False)


def _roots(dataset: Dataset) -> Iterator[str]:
    """The image folders of a dataset, or of those in a wrapper."""
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if hasattr(dataset, 'data_prefix'):
        root = image_root(dataset)
        if root:
            yield root
    else:
        for one in inner:
            if one is not None:
                yield from _roots(one)


def _paths(dataset: Dataset) -> list[str]:
    known = hasattr(dataset, 'image_paths') or hasattr(dataset, 'get_data_info')
    return image_paths(dataset) if known else []
