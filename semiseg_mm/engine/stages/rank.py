import csv
import io
from collections.abc import Sequence

import numpy as np

from semiseg_mm.datasets.identity import files_hash
from semiseg_mm.engine.inference import predict_agreement
from semiseg_mm.errors import UserError
from semiseg_mm.registry import STAGES
from semiseg_mm.utils import atomic_write_text

from .action import ChunkedAction

RANKING, FIGURE, RELIABLE, REST = 'ranking.csv', 'ranking.png', 'reliable.txt', 'rest.txt'


@STAGES.register_module()
class RankStage(ChunkedAction):
    """Rank images as ST++ does: do a teacher's earlier checkpoints agree with its last one?

    An image's score is the mean over the earlier checkpoints of the mean IoU, over the classes
    that are present, of their predictions against the last one's. ``ranking.csv`` lists all images
    by it, ``reliable.txt`` the best ones, ``rest.txt`` the others; equal scores go by id.

    Args:
        checkpoints_of: A training stage with ``milestones``.
        share: Of the images that count as reliable; the number is rounded down.
        scales: Probabilities are averaged over these.
    """

    does = 'ranks images by checkpoints of {}'

    def __init__(
        self,
        name: str,
        checkpoints_of: str,
        share: float = 0.5,
        scales: Sequence[float] = (1.0,),
        **kwargs,
    ) -> None:
        super().__init__(name, teacher=checkpoints_of, **kwargs)
        if not 0 < share < 1:
            raise UserError(f"Stage '{name}': share={share} is not between 0 and 1.")
        self.share = share
        self.scales = [float(scale) for scale in scales]

    def settings(self) -> dict:
        return dict(share=self.share, scales=self.scales)

    def check(self) -> None:
        super().check()
        if not self.run.training(self.teacher).milestones:
            raise UserError(
                f"Stage '{self.name}' compares checkpoints: give stage '{self.teacher}' "
                'milestones=(1 / 3, 2 / 3).'
            )

    def check_data(self) -> None:
        super().check_data()
        if self.images is None:
            self._reliable(len(self.source.ids))

    def _reliable(self, total: int) -> int:
        count = int(total * self.share)
        if not count:
            raise UserError(
                f"Stage '{self.name}': share={self.share} of {total} images is none. Give more "
                'unlabeled images, or a greater share.'
            )
        return count

    def checkpoints(self) -> list[str]:
        found = self.run.training(self.teacher).kept_checkpoints()
        if len(found) < 2:
            raise UserError(
                f"Stage '{self.name}' compares checkpoints, but stage '{self.teacher}' ended "
                'early, before its first milestone: take EarlyStoppingHook out of its config, or '
                'give it more patience.'
            )
        return found

    def work(self, networks: list, numbers: list[int]) -> None:
        def done(number: int, rows: list, broken: list) -> None:
            self.write_record(number, dict(rows=rows, broken=broken))

        predict_agreement(
            self.source,
            {number: self.chunks[number] for number in numbers},
            [self.predictor(network, scales=self.scales) for network in networks],
            done,
            batch_size=self.batch_size,
            workers=self.workers,
        )

    def intact(self, record: dict) -> bool:
        return all(isinstance(name, str) and len(ious) for name, ious in record['rows'])

    def merge(self, records: list[dict]) -> dict:
        from .figures import draw_ranking  # matplotlib takes its time

        rows = [(name, float(np.mean(ious)), ious) for r in records for name, ious in r['rows']]
        rows.sort(key=lambda row: (-row[1], row[0]))
        count = self._reliable(len(rows))
        text = io.StringIO()
        table = csv.writer(text, lineterminator='\n')
        steps = [path.rsplit('iter_', 1)[1][:-4] for path in self.checkpoints()[:-1]]
        table.writerow(['image', 'score', *(f'iou_{step}' for step in steps)])
        for name, score, ious in rows:
            table.writerow([name, repr(score), *map(repr, ious)])
        atomic_write_text(self.path(RANKING), text.getvalue())
        names = [name for name, *_ in rows]
        atomic_write_text(self.path(RELIABLE), ''.join(f'{name}\n' for name in names[:count]))
        atomic_write_text(self.path(REST), ''.join(f'{name}\n' for name in names[count:]))
        scores = [score for _, score, _ in rows]
        draw_ranking(scores, count, self.path(FIGURE))
        return dict(
            images=len(rows),
            reliable=count,
            mean_score=round(float(np.mean(scores)), 4),
            lowest_reliable=round(scores[count - 1], 4),
        )

    def results(self) -> Sequence[str]:
        return [RANKING, RELIABLE, REST]

    def fingerprint(self) -> str:
        return files_hash([self.path(RANKING)])
