import json
import os
from abc import abstractmethod

from mmengine.dist import barrier, get_dist_info, is_main_process
from mmengine.logging import print_log

from semiseg_mm.datasets.identity import describe_ids
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.inference import ImageSource, Predictor
from semiseg_mm.engine.inference.source import loading_part
from semiseg_mm.engine.keys import PLACES, weights_hash
from semiseg_mm.errors import UserError
from semiseg_mm.models.sketch import size_divisor_of
from semiseg_mm.registry import MODELS
from semiseg_mm.utils import atomic_write_text, check_choice, make_folder, nearest
from semiseg_mm.utils.atomic import read_lines

from .plan import Task
from .stage import Stage, checksum

BROKEN = 'broken.txt'


class ChunkedAction(Stage):
    """Predict many images, chunk by chunk, as a stage.

    A chunk is a fixed number of images of the list, in order. What is computed for it depends on
    nothing but the chunk, and its record (``chunks/NNNNNN.json``) is written last. So it does not
    matter which process works on it, or how often the stage was cut off.

    Args:
        teacher: The training stage whose network predicts.
        images: An id list below another stage's folder ('ranking/reliable.txt'); None: all.
        network: Of the teacher's networks; by default the one that predicts.
        batch_size: Images of one size that are predicted together.
        chunk: Images in a chunk.
        workers: Processes that load images.
        size_divisor: Images get sides that are multiples of it, and of what the network needs.
        amp: Predict in mixed precision (on a GPU).
        max_broken: Share of images that may be unreadable.
    """

    def __init__(
        self,
        name: str,
        teacher: str,
        images: str | None = None,
        network: str | None = None,
        batch_size: int = 8,
        chunk: int = 32,
        workers: int = 2,
        max_broken: float = 0.1,
        size_divisor: int = 1,
        amp: bool = False,
    ) -> None:
        super().__init__(name)
        self.teacher = teacher
        self.images = images
        self.network = network
        self.batch_size = batch_size
        self.chunk = chunk
        self.workers = workers
        self.max_broken = max_broken
        self.size_divisor = size_divisor
        self.amp = amp

    # ------------------------------------------------------------------ what an action says

    @abstractmethod
    def settings(self) -> dict:
        """Return the options that decide the result."""

    @abstractmethod
    def checkpoints(self) -> list[str]:
        """Return the teacher's; each is loaded into a network of its own."""

    @abstractmethod
    def work(self, networks: list, numbers: list[int]) -> None:
        """Predict these chunks, and write the record of each when it is complete."""

    @abstractmethod
    def merge(self, records: list[dict]) -> dict:
        """Make the stage's results of all records, in order; returns what the manifest says."""

    def intact(self, record: dict) -> bool:
        """Return whether a record is whole, and what it names is there as it was written."""
        return True

    # ------------------------------------------------------------------ the same for all

    def bind(self, run, number: int) -> None:
        super().bind(run, number)
        self._source: ImageSource | None = None
        self._states: dict[int, str] = {}
        self._needed: int | None = None

    def check(self) -> None:
        self.run.unlabeled_of(self.run.training(self.teacher))
        if self.images is None:
            return
        stage, _, file = self.images.partition('/')
        lists = [name for name in self.run.stage(stage).results() if name.endswith('.txt')]
        if file not in lists:
            raise UserError(
                f"Stage '{self.name}': images='{self.images}' is no list of images; those of stage "
                f"'{stage}' are {', '.join(lists) or 'none'}.{nearest(file, lists)}"
            )

    def check_data(self) -> None:
        if self.images is None:
            _ = self.source

    @property
    def teacher_config(self) -> dict:
        return self.run.training(self.teacher).cfg

    @property
    def source(self) -> ImageSource:
        """List the images, in every process in the same order."""
        if self._source is None:
            dataset = self.run.unlabeled_of(self.run.training(self.teacher))
            source = ImageSource(dataset, self._wanted())
            if self.images is None:  # otherwise the stages before have seen them
                source.check_names()
            self._source = source
        return self._source

    def _wanted(self) -> list[str] | None:
        if self.images is None:
            return None
        stage, file = self.images.split('/', 1)
        return read_lines(self.run.stage(stage).path(file))

    @property
    def chunks(self) -> list[range]:
        return [self._chunk(n) for n in range(-(-len(self.source.ids) // self.chunk))]

    def _chunk(self, number: int) -> range:
        start = number * self.chunk
        return range(start, min(start + self.chunk, len(self.source.ids)))

    does = 'predicts with {}'  # in a plan

    def task(self) -> Task:
        what = self.does.format(self.teacher)
        if self.images is None:
            return Task(what, len(self.source.ids), 'images')
        stage = self.run.stage(self.images.split('/', 1)[0])
        known = stage.seconds_taken() is not None
        amount = len(self._wanted()) if known else None
        return Task(f'{what} ({self.images})', amount, 'images')

    def key(self) -> dict:
        shared = dict(
            network=self.network,
            batch_size=self.batch_size,
            chunk=self.chunk,
            size_divisor=self.size_divisor,
            amp=self.amp,
            **self.settings(),
        )
        return dict(
            settings=shared,
            model=self.teacher_config.model.to_dict(),
            uses={self.teacher: [weights_hash(path) for path in self.checkpoints()]},
            images=describe_ids(self.source.ids),
            source=self._origin(),
        )

    def _origin(self) -> dict:
        """Return how the images are loaded, or drawn."""
        dataset = self.run.unlabeled_of(self.run.training(self.teacher))
        origin = {key: value for key, value in dataset.items() if key not in PLACES}
        loading = [dict(step) for step in loading_part(dataset['pipeline'])]
        for step in loading:
            step.pop('backend_args', None)
        return dict(origin, pipeline=loading)

    def execute(self) -> dict:
        rank, world = get_dist_info()
        numbers = [n for n in range(rank, len(self.chunks), world) if not self._finished(n)]
        if numbers:
            done = len(range(rank, len(self.chunks), world)) - len(numbers)
            if done:
                self._say(f'has {done} of {done + len(numbers)} parts already')
            self.work([self._load(path) for path in self.checkpoints()], numbers)
        barrier()
        result = None
        if is_main_process():
            records = [self._record(n) for n in range(len(self.chunks))]
            self._report_broken(records)
            result = self.merge(records)
        return result or {}

    def damage(self) -> str | None:
        bad = [n for n in range(len(self.chunks)) if not self._finished(n)]
        if bad:
            states = ((self._record(n) or {}).get('state', self._states[n]) for n in bad)
            changed = sum(state != self._states[n] for n, state in zip(bad, states, strict=True))
            images = f', {changed} of them because images were changed' if changed else ''
            text = f'{len(bad)} of {len(self.chunks)} parts are no longer as they were written'
            return text + images
        for name, written in self.manifest().get('files', {}).items():
            found = checksum(self.path(name))
            if found != written:
                return f'{name} {"is no longer as it was written" if found else "is gone"}'
        return None

    # ------------------------------------------------------------------ records

    def _record_path(self, number: int) -> str:
        return self.path('chunks', f'{number:06d}.json')

    def _record(self, number: int) -> dict | None:
        try:
            with open(self._record_path(number), encoding='utf-8') as file:
                record = json.load(file)
        except (OSError, ValueError, RecursionError):
            return None
        return record if isinstance(record, dict) else None

    def _finished(self, number: int) -> bool:
        record, chunk = self._record(number) or {}, self._chunk(number)
        state = self._states[number] = self.source.state(chunk)  # before the images are read
        ids = [self.source.ids[k] for k in chunk]
        if (record.get('ids'), record.get('state')) != (ids, state):
            return False
        try:
            return all(len(pair) == 2 for pair in record['broken']) and self.intact(record)
        except (LookupError, TypeError, ValueError, AttributeError):  # it is damaged
            return False

    def write_record(self, number: int, record: dict) -> None:
        ids = [self.source.ids[k] for k in self._chunk(number)]
        make_folder(self.path('chunks'))
        record = dict(ids=ids, state=self._states[number], **record)
        atomic_write_text(self._record_path(number), json.dumps(record))

    def _report_broken(self, records: list[dict]) -> None:
        broken = [pair for record in records for pair in record['broken']]
        text = ''.join(f'{name}\t{reason}\n' for name, reason in broken)
        atomic_write_text(self.path(BROKEN), text)
        total = len(self.source.ids)
        if len(broken) > self.max_broken * total:
            for number, record in enumerate(records):  # when called again, look once more
                if record['broken']:
                    os.remove(self._record_path(number))
            raise UserError(
                f'{len(broken)} of {total} images cannot be read; they are listed in '
                f'{self.path(BROKEN)}. Mend or remove them, or raise max_broken of stage '
                f"'{self.name}' (now {self.max_broken:g})."
            )
        if broken:
            print_log(f'{len(broken)} images cannot be read: {self.path(BROKEN)}', self.run.logger)

    def predictor(self, model, **options) -> Predictor:
        sizes = dict(size_divisor=self.size_divisor, needed=self._needed_divisor())
        return Predictor.of(model, **sizes, amp=self.amp, **options)

    def _needed_divisor(self) -> int:
        """Return what the network needs; it is first asked before the teacher is trained."""
        if self._needed is None:
            sketch = self.run.training(self.teacher).sketch()
            self._needed = size_divisor_of(sketch.networks[self.network or sketch.predict_on])
        return self._needed

    def _load(self, path: str):
        """Build the teacher with the weights of a checkpoint, in eval mode on its device."""
        from mmengine.device import get_device

        model = MODELS.build(self.teacher_config.model)
        model.load_state_dict(safe_load(path)['state_dict'])
        return self._named(model).to(get_device()).eval()

    def _named(self, model):
        if self.network:
            check_choice('network', self.network, model.networks, f"stage '{self.name}'")
        model.predict_on = self.network or model.predict_on
        return model
