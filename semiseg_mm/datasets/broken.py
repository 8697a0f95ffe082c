import hashlib
import os

import numpy as np
from mmengine.logging import print_log

from semiseg_mm.errors import BrokenImage, UserError


class BrokenImages:
    """Keeps the list of unlabeled images that cannot be read, over workers and processes.

    The list is a file, one image a line with the reason, and stays over a resume. In memory an
    image is 8 bytes in an array, and only what others added to the file is read again.

    Args:
        total: Number of unlabeled images.
        max_share: Past this share of broken images the run stops.
    """

    def __init__(self, total: int, max_share: float) -> None:
        self.total = total
        self.max_share = max_share
        self.report: str | None = None  # set when a run starts
        self._known = np.empty(0, np.uint64)  # hashes of paths, sorted
        self._seen = 0  # bytes of the report

    @property
    def count(self) -> int:
        """Images that are listed, as far as this process has read."""
        return len(self._known)

    def add(self, error: BrokenImage) -> None:
        """List an image, once; stop the run if there are too many."""
        self.read()
        if self._remember([error.path]):
            if self.report:
                line = f'{error.path}\t{error.reason}\n'.encode(errors='surrogateescape')
                file = os.open(self.report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                try:
                    os.write(file, line)  # one call: lines of several processes do not mix
                finally:
                    os.close(file)
            print_log(
                f'{error} The next image takes its place. So far {self.count} of '
                f'{self.total} unlabeled images, see {self.report}.',
                'current',
                level=30,
            )
        if self.count > self.max_share * self.total:
            raise UserError(
                f'{self.count} of {self.total} unlabeled images cannot be read (the last: '
                f'{error.path}, {error.reason}); they are listed in {self.report}. Mend or remove '
                'them, or raise train_dataloader.dataset.max_broken '
                f'(now {self.max_share:g}). If a disk or server was away for a while, delete that '
                'list and start again.'
            )

    def all_of(self, place: str, last: BrokenImage) -> UserError:
        """Make the error of a source in which no image at all can be read."""
        return UserError(
            f'None of the {self.total} unlabeled images of {place} can be read (the last: '
            f'{last.path}, {last.reason}); they are listed in {self.report}. Mend them, or correct '
            'train_dataloader.dataset.unlabeled. If a disk or server was away for a while, delete '
            'that list and start again.'
        )

    def read(self) -> None:
        """Read what other processes have added to the list."""
        if not self.report or not os.path.isfile(self.report):
            return
        with open(self.report, 'rb') as file:
            if os.fstat(file.fileno()).st_size < self._seen:
                self._seen = 0  # another file
            file.seek(self._seen)
            whole, end, _ = file.read().rpartition(b'\n')  # a line may still be on its way
        self._seen += len(whole + end)
        lines = [line.partition(b'\t')[0] for line in whole.splitlines() if line.strip()]
        self._remember([os.fsdecode(path) for path in lines])

    def _remember(self, paths: list[str]) -> bool:
        """Whether any of them is new."""
        before = len(self._known)
        digests = [
            hashlib.blake2b(path.encode(errors='surrogateescape'), digest_size=8).digest()
            for path in paths
        ]
        new = np.frombuffer(b''.join(digests), np.uint64)
        self._known = np.union1d(self._known, new)
        return len(self._known) > before
