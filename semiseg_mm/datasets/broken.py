import os

from mmengine.logging import print_log

from semiseg_mm.errors import BrokenImage, UserError


class BrokenImages:
    """Keeps the list of unlabeled images that cannot be read, over workers and processes.

    The list is a file, one image a line with the reason, and stays over a resume.

    Args:
        total: Number of unlabeled images.
        max_share: Past this share of broken images the run stops.
    """

    def __init__(self, total: int, max_share: float) -> None:
        self.total = total
        self.max_share = max_share
        self.report: str | None = None  # set when a run starts
        self._known: dict[str, str] = {}

    def add(self, error: BrokenImage) -> None:
        """List an image, once; stop the run if there are too many."""
        self._read()
        if error.path not in self._known:
            self._known[error.path] = error.reason
            if self.report:
                line = f'{error.path}\t{error.reason}\n'.encode()
                file = os.open(self.report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                try:
                    os.write(file, line)  # one call: lines of several processes do not mix
                finally:
                    os.close(file)
            print_log(
                f'{error} The next image takes its place. So far {len(self._known)} of '
                f'{self.total} unlabeled images, see {self.report}.',
                'current',
                level=30,
            )
        if len(self._known) > self.max_share * self.total:
            raise UserError(
                f'{len(self._known)} of {self.total} unlabeled images cannot be read (the last: '
                f'{error.path}, {error.reason}); they are listed in {self.report}. Mend or remove '
                'them, or raise train_dataloader.dataset.max_broken '
                f'(now {self.max_share:g}).'
            )

    def _read(self) -> None:
        if self.report and os.path.isfile(self.report):
            with open(self.report, encoding='utf-8', errors='replace') as file:
                lines = [line.rstrip('\n').partition('\t') for line in file if line.strip()]
            self._known.update({path: reason for path, _, reason in lines})
