import json
import os
import os.path as osp
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from PIL import Image

from semiseg_mm.datasets.identity import files_hash
from semiseg_mm.datasets.mask_reading import Job, MaskLoader, run_all
from semiseg_mm.datasets.pseudo_labeled import file_named
from semiseg_mm.datasets.truth import TrueLabels
from semiseg_mm.engine.inference import predict_labels
from semiseg_mm.errors import UserError
from semiseg_mm.registry import STAGES
from semiseg_mm.utils import atomic_write_text, check_choice, make_folder, write_mask

from .action import ChunkedAction
from .quality import LabelQuality
from .quota import like_labeled, per_class
from .stage import checksum

LABELS, CONFIDENCE, EDITED = 'labels', 'confidence', 'edited'
IMAGES, TABLE, QUALITY, FIGURE = 'images.txt', 'labels.tsv', 'quality.json', 'quality.png'
THRESHOLDS = 'thresholds.json'


@STAGES.register_module()
class LabelStage(ChunkedAction):
    """Label the unlabeled images by a network: PNG files at the images' own size.

    ``labels/<id>.png`` has a palette, so it can be looked at; ``confidence/<id>.png`` is 8-bit.
    ``quality.json`` and ``quality.png`` tell how the classes and confidences are distributed.

    Args:
        select: 'last', or 'best' for the checkpoint that validated best. That is model selection
            on the validation data; the manifest says so.
        scales, flip: Probabilities are averaged over these.
        confidence: Store confidences too.
        quota: Write thresholds.json, by which this share of the pixels is kept; needs confidence.
        balance: 'class' keeps the share of each class, 'labeled' makes the classes as frequent as
            in the labeled images (DARS).
        truth: Config of a dataset with the true labels of the same images. They are read for the
            report only, and nothing else sees them.
    """

    does = 'labels images with {}'

    def __init__(
        self,
        *args,
        select: str = 'last',
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        confidence: bool = False,
        quota: float | None = None,
        balance: str = 'class',
        truth: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        owner = f"stage '{self.name}'"
        check_choice('select', select, ('last', 'best'), owner)
        check_choice('balance', balance, ('class', 'labeled'), owner)
        if quota is not None and not confidence:
            raise UserError(f"Stage '{self.name}': quota needs confidence=True.")
        self.select = select
        self.scales = [float(scale) for scale in scales]
        self.flip = flip
        self.confidence = confidence
        self.quota = quota
        self.balance = balance
        self.truth = truth

    def settings(self) -> dict:
        names = ('select', 'scales', 'flip', 'confidence', 'quota', 'balance', 'truth')
        return {name: getattr(self, name) for name in names}

    def check(self) -> None:
        super().check()
        hook = self.teacher_config.default_hooks.get('checkpoint') or {}
        if self.select == 'best' and not (
            hook.get('save_best') and self.teacher_config.get('val_cfg')
        ):
            raise UserError(
                f"Stage '{self.name}': select='best' needs default_hooks.checkpoint.save_best and "
                'a validation (val_cfg) of its teacher.'
            )

    def checkpoints(self) -> list[str]:
        return [self.run.training(self.teacher).checkpoint(self.select, self.network)]

    # ------------------------------------------------------------------ one chunk

    def work(self, networks: list, numbers: list[int]) -> None:
        (model,) = networks
        self._spare_edited(numbers)
        predictor = self.predictor(model, scales=self.scales, flip=self.flip)
        truths = self._truths()
        palette = self.labeled.metainfo.get('palette')

        def write(name: str, label: np.ndarray, confidence: np.ndarray | None) -> tuple:
            quality = LabelQuality(self.classes)
            quality.add(label, confidence, truths(name), name)
            file = [name]
            for folder, content in ((LABELS, label), (CONFIDENCE, confidence)):
                if content is not None:
                    path = self._file(folder, name)
                    make_folder(osp.dirname(path))
                    write_mask(path, content, palette if folder == LABELS else None, durable=False)
                    file.append(checksum(path))
            return file, quality

        def done(number: int, written: list[tuple], broken: list) -> None:
            quality = LabelQuality(self.classes).merge(*(q for _, q in written))
            files = [file for file, _ in written]
            self.write_record(number, dict(files=files, broken=broken, quality=quality.to_dict()))

        predict_labels(
            self.source,
            {number: self.chunks[number] for number in numbers},
            predictor,
            write,
            done,
            batch_size=self.batch_size,
            workers=self.workers,
            with_confidence=self.confidence,
        )

    @property
    def classes(self) -> Sequence[str]:
        return self.labeled.metainfo['classes']

    @cached_property
    def labeled(self) -> BaseDataset:
        return self.run.labeled_of(self.run.training(self.teacher))

    def _truths(self):
        """Return a function from an image's id to its true labels, or to None."""
        if self.truth is None:
            return lambda name: None
        truths = TrueLabels(self.truth, len(self.classes))
        truths.check(self.source.ids)
        return truths

    def _file(self, folder: str, name: str) -> str:
        return file_named(name, self.path(folder))

    def intact(self, record: dict) -> bool:
        LabelQuality(self.classes).merge(LabelQuality.from_dict(record['quality']))
        folders = (LABELS, CONFIDENCE)[: 1 + self.confidence]
        return all(
            checksum(self._file(folder, name)) == written
            for name, *sums in record['files']
            for folder, written in zip(folders, sums, strict=True)
        )

    def _spare_edited(self, numbers: list[int]) -> None:
        """Spare label maps that are whole, but not as written: somebody may have corrected them."""
        for number in numbers:
            for name, written in _written_in(self._record(number)):
                path = self._file(LABELS, name)
                if checksum(path) not in (None, written) and _is_whole(path):
                    kept = self._file(EDITED, name)
                    make_folder(osp.dirname(kept))
                    os.rename(path, kept)
                    print_log(
                        f'{path} was edited: it is now {kept}. To train on corrected labels, name '
                        "a folder of them in a training stage's labels.",
                        self.run.logger,
                    )

    # ------------------------------------------------------------------ all of them

    def merge(self, records: list[dict]) -> dict:
        from .figures import draw_quality  # matplotlib takes its time

        files = [file for record in records for file in record['files']]
        quality = LabelQuality(self.classes)
        quality.merge(*(LabelQuality.from_dict(record['quality']) for record in records))
        thresholds = self._thresholds(quality)
        if thresholds:
            atomic_write_text(self.path(THRESHOLDS), json.dumps(thresholds, indent=1) + '\n')
        report = quality.report(thresholds)
        atomic_write_text(self.path(QUALITY), json.dumps(report, indent=1) + '\n')
        draw_quality(quality, self.path(FIGURE), thresholds)
        table = ''.join(f'{name}\t{json.dumps(sums)}\n' for name, *sums in files)
        atomic_write_text(self.path(TABLE), table)
        atomic_write_text(self.path(IMAGES), ''.join(f'{name}\n' for name, *_ in files))
        result = dict(images=len(files), broken=sum(len(r['broken']) for r in records))
        if self.select == 'best':
            result['teacher'] = 'selected on the validation data'
        wanted = ('mean_confidence', 'coverage', 'mIoU', 'accuracy')
        return dict(result, **{key: report[key] for key in wanted if report.get(key) is not None})

    def _thresholds(self, quality: LabelQuality) -> dict | None:
        if self.quota is None:
            return None
        if self.balance == 'class':
            return per_class(quality.confidence, self.quota)
        masks, size = MaskLoader(self.labeled, len(self.classes)), len(self.classes)
        job = Job(lambda k: np.bincount(masks.mask(k).ravel(), minlength=256), len(self.labeled))
        counts = sum(run_all(job, self.workers, 'classes of the labeled images'))
        return like_labeled(quality.confidence, self.quota, counts[:size])

    def results(self) -> Sequence[str]:
        return [IMAGES, TABLE, QUALITY, *([THRESHOLDS] if self.quota is not None else [])]

    def fingerprint(self) -> str:
        tables = [TABLE, *([THRESHOLDS] if self.quota is not None else [])]
        return files_hash(self.path(name) for name in tables)

    def labels(self, confidence: bool) -> dict:
        """Return a source of PseudoLabeledDataset."""
        if confidence and not self.confidence:
            raise UserError(
                f"Stage '{self.name}' stores no confidences, but a training wants them: give it "
                'confidence=True.'
            )
        source = dict(label_dir=self.path(LABELS), only=self.path(IMAGES))
        return dict(source, conf_dir=self.path(CONFIDENCE)) if confidence else source


def _written_in(record: dict | None) -> Iterator[tuple[str, list]]:
    """Yield the images of a record with the checksums of their label maps; it may be damaged."""
    files = (record or {}).get('files')
    for file in files if isinstance(files, list) else ():
        if isinstance(file, list) and len(file) > 1 and isinstance(file[0], str):
            yield file[0], file[1]


def _is_whole(path: str) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:  # what damaged bytes lead to is anyone's guess
        return False
    return True
