from mmengine.dist import get_world_size
from mmengine.hooks import Hook

from semiseg_mm.datasets.samplers import RequestStream, sampler_of
from semiseg_mm.engine.checkpoint import from_plain, to_plain
from semiseg_mm.engine.keys import GOING_ON, differences, of_training, plain
from semiseg_mm.engine.resuming import IDENTITY
from semiseg_mm.errors import UserError
from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import check_choice
from semiseg_mm.version import __version__

SHOWN = 8  # settings that are listed


@HOOKS.register_module()
class IdentityHook(Hook):
    """Store data, seed, processes and settings in a checkpoint; stop a resume with others.

    Other settings (a learning rate, a weight of a loss), and another version of this package, are
    only warned of.

    It also makes checkpoints plain (tensors and Python's own types), so that
    ``torch.load(weights_only=True)`` reads them without an allow-list.

    Args:
        on_mismatch: 'stop', or 'warn' to resume all the same.
    """

    priority = 'LOWEST'

    def __init__(self, on_mismatch: str = 'stop') -> None:
        check_choice('on_mismatch', on_mismatch, ('stop', 'warn'), 'IdentityHook')
        self.on_mismatch = on_mismatch
        self._data: dict | None = None
        self._settings: dict | None = None

    def before_train(self, runner) -> None:
        self._identity(runner)  # while the files that its settings name are there

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint['meta'][IDENTITY] = self._identity(runner)
        for key in set(checkpoint) - {'state_dict', 'optimizer'}:
            checkpoint[key] = to_plain(checkpoint[key])

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if 'message_hub' in checkpoint:
            checkpoint['message_hub'] = from_plain(checkpoint['message_hub'])
        if not runner._resume or IDENTITY not in checkpoint.get('meta', {}):
            return
        before, now = checkpoint['meta'][IDENTITY], self._identity(runner)
        _warn_of_version(before.get('version'), runner)
        if 'settings' in before:  # older checkpoints do not say
            _warn_of_settings(list(differences(before['settings'], now['settings'])), runner)
        found = list(_differences(before, now))
        if not found:
            return
        text = (
            f'This run is not the one that is to be resumed: {"; ".join(found)}. Restore '
            'what changed, or start anew in another --work-dir.'
        )
        if self.on_mismatch == 'stop':
            raise UserError(
                f'{text} To go on all the same: --cfg-options '
                'default_hooks.identity.on_mismatch=warn'
            )
        runner.logger.warning(text)

    def _identity(self, runner) -> dict:
        loader = runner.train_dataloader
        if self._data is None:
            has_identity = hasattr(loader.dataset, 'identity')
            self._data = loader.dataset.identity() if has_identity else {}
        if self._settings is None:
            self._settings = _settings(runner.cfg.to_dict())
        world_size, sampler = get_world_size(), sampler_of(loader)
        places = getattr(sampler, 'places', [0] * (loader.batch_size or 0))
        return dict(
            version=__version__,
            data=self._data,
            seed=runner.seed,
            world_size=world_size,
            batch=[places.count(source) * world_size for source in sorted(set(places))],
            max_iters=runner.max_iters,
            sampler=_sampler_identity(sampler),
            settings=self._settings,
        )


def _settings(cfg: dict) -> dict:
    """Return what decides a training, apart from what an identity says otherwise."""
    found = plain(of_training(cfg, GOING_ON))
    (found.get('randomness') or {}).pop('seed', None)
    (found.get('train_cfg') or {}).pop('max_iters', None)
    return found


def _warn_of_version(before: str | None, runner) -> None:
    if before not in (None, __version__):  # checkpoints from before 0.1.0 do not say
        runner.logger.warning(
            f'The checkpoint was written by semiseg_mm {before}, this is {__version__}: the result '
            'may be that of neither. docs/en/policy.md says what stays equal between versions.'
        )


def _warn_of_settings(found: list[str], runner) -> None:
    if found:
        more = f'; and {len(found) - SHOWN} more' if len(found) > SHOWN else ''
        runner.logger.warning(
            f'The checkpoint was written under other settings: {"; ".join(found[:SHOWN])}{more}. '
            'What its optimizer and schedule hold (learning rate, momentum, weight decay) stays as '
            'it is there; all else is as now from here on, so the result is that of neither. To '
            'train with the new settings alone, begin anew in another --work-dir.'
        )


def _sampler_identity(sampler) -> dict:
    found = dict(type=type(sampler).__name__)
    if isinstance(sampler, RequestStream):
        found.update(sampler.identity())
        if sampler.crop_schedule is not None:
            found['crop_schedule'] = str(sampler.crop_schedule)
    return found


def _differences(before: dict, now: dict):
    for source in {**before['data'], **now['data']}:
        old, new = before['data'].get(source), now['data'].get(source)
        if old != new:
            yield f'the {source} images differ ({_describe(old)} before, {_describe(new)} now)'
    if before['seed'] != now['seed']:
        yield f'the seed was {before["seed"]}, it is {now["seed"]}'
    if before['batch'] != now['batch']:
        old, new = (' + '.join(map(str, run['batch'])) for run in (before, now))
        yield (
            f'an iteration was {old} images on {before["world_size"]} processes, '
            f'it is {new} on {now["world_size"]}'
        )
    if before['max_iters'] != now['max_iters']:
        yield (
            f'it was planned for {before["max_iters"]} iterations, now for {now["max_iters"]} '
            '(the schedule of the learning rate keeps its old end)'
        )
    if 'sampler' in before:  # older checkpoints do not say
        yield from _sampler_differences(before['sampler'], now['sampler'])


def _sampler_differences(before: dict, now: dict):
    old, new = (dict(sampler) for sampler in (before, now))
    labels = [sampler.pop('labels', {}) for sampler in (old, new)]
    for source in labels[0].keys() & labels[1].keys():
        one, two = (of_source[source] for of_source in labels)
        if one != two:
            yield f'the labels of the {source} images changed ({one[:12]} before, {two[:12]} now)'
    for key in {**old, **new}:
        if old.get(key) != new.get(key):
            yield f"the sampler's {key} was {old.get(key)}, it is {new.get(key)}"


def _describe(source: dict | None) -> str:
    return f'{source["count"]} of list {source["sha256"][:12]}' if source else 'none'
