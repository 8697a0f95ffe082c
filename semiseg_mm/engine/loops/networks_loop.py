import copy

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import TestLoop, ValLoop, autocast

from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.registry import LOOPS
from semiseg_mm.utils import average_buffers, unwrapped

from .prediction_files import PredictionFiles


class _NetworksMixin:
    """Evaluate every network of a SemiSegmentor in one pass over the data.

    Metrics are named ``student/mIoU``, ``teacher/mIoU``, …: none of them hides another.
    """

    stage: str  # 'val' or 'test'
    files: PredictionFiles | None = None

    def run(self) -> dict:
        model = unwrapped(self.runner.model)
        if not isinstance(model, SemiSegmentor):
            return super().run()
        runner, stage = self.runner, self.stage
        runner.call_hook(f'before_{stage}')
        runner.call_hook(f'before_{stage}_epoch')
        average_buffers(model)
        runner.model.eval()
        evaluators = {name: copy.deepcopy(self.evaluator) for name in self._names(model)}
        for index, batch in enumerate(self.dataloader):
            self._run_networks(model, evaluators, index, batch)
        metrics, classes = {}, {}
        for name, evaluator in evaluators.items():
            runner.logger.info(f'Network {name}:')
            values = evaluator.evaluate(len(self.dataloader.dataset))
            metrics.update({f'{name}/{key}': value for key, value in values.items()})
            classes[name] = _per_class(evaluator)
        runner.message_hub.update_info('per_class', classes)
        runner.call_hook(f'after_{stage}_epoch', metrics=metrics)
        runner.call_hook(f'after_{stage}')
        return metrics

    def _names(self, model: SemiSegmentor) -> list[str]:
        # the network that predicts comes last: its outputs are what hooks get to see
        return sorted(model.evaluated, key=lambda name: name == model.predict_on)

    @torch.no_grad()
    def _run_networks(
        self, model: SemiSegmentor, evaluators: dict[str, Evaluator], index: int, batch: dict
    ) -> None:
        self.runner.call_hook(f'before_{self.stage}_iter', batch_idx=index, data_batch=batch)
        for name, evaluator in evaluators.items():
            with model.predicting_on(name), autocast(enabled=self.fp16):
                outputs = model.test_step(copy.copy(batch))
            if self.files is not None:  # before metrics, which may change the samples
                self.files.write(outputs)
            evaluator.process(data_samples=outputs, data_batch=batch)
        self.runner.call_hook(
            f'after_{self.stage}_iter', batch_idx=index, data_batch=batch, outputs=outputs
        )


def _per_class(evaluator: Evaluator) -> dict[str, float | None]:
    """Return the IoU of each class, where a metric keeps it."""
    found = [getattr(metric, 'per_class', None) for metric in evaluator.metrics]
    return next(filter(None, found), {})


@LOOPS.register_module()
class NetworksValLoop(_NetworksMixin, ValLoop):
    stage = 'val'


@LOOPS.register_module()
class NetworksTestLoop(_NetworksMixin, TestLoop):
    """Run mmengine's test loop, for all networks or one.

    Args:
        network: Evaluate this network alone.
        out: Write the predictions of this one network there.
    """

    stage = 'test'

    def __init__(self, *args, network: str | None = None, out: str | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if out and not network:
            raise UserError('test_cfg.out writes the predictions of test_cfg.network: name it.')
        self.network = network
        self.files = PredictionFiles(out, self.dataloader.dataset) if out else None

    def _names(self, model: SemiSegmentor) -> list[str]:
        return [self.network] if self.network else super()._names(model)
