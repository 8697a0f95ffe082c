"""Takes one network out of a training's checkpoint, with what is known of the training."""

from __future__ import annotations

import os.path as osp
import textwrap
from typing import NamedTuple

from mmengine.config import Config

from semiseg_mm.apis.command import choose_network, load_config
from semiseg_mm.apis.plain_config import plain_config, warning_of
from semiseg_mm.apis.trained_files import Files, read_weights
from semiseg_mm.engine.finite import fault_in
from semiseg_mm.engine.hooks.result_hook import RUN
from semiseg_mm.engine.resuming import IDENTITY
from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.models.sketch import sketch
from semiseg_mm.utils import read_record


class PublishedNetwork(NamedTuple):
    """One network of a training, and what is known of the training."""

    name: str
    weights: dict
    meta: dict  # for the file
    config: Config  # for mmseg
    training: Config
    identity: dict  # what the checkpoint remembers of data and settings; empty in an old one
    results: dict  # results.json of the work dir; empty if there is none

    @property
    def config_text(self) -> str:
        warning = warning_of(self.config)
        comment = textwrap.fill(warning, 100, initial_indent='# ', subsequent_indent='# ')
        return f'{comment}\n{self.config.pretty_text}'.lstrip()

    @property
    def needed(self) -> list[str]:
        """Return the modules without which it does not load."""
        return list((self.config.get('custom_imports') or {}).get('imports') or [])


def take(files: Files, network: str | None, default: bool = False) -> PublishedNetwork:
    """Take a network out of a checkpoint.

    Args:
        network: Its name. Without one a checkpoint must hold one network alone.
        default: Without a name, take the network that the method predicts with.
    """
    checkpoint, cfg = files.checkpoint, load_config(files.config)
    weights, meta = read_weights(checkpoint)
    model = sketch(cfg.model)
    if default and network is None and any(key.startswith(PREFIX) for key in weights):
        network = model.predict_on
    name = choose_network(weights, checkpoint, network)
    prefix = f'{PREFIX}{name}.'
    state = {key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)}
    _check_fit(state, model.networks[name].state_dict(), files)
    # an attention mask may hold infinity
    fault = fault_in({key: value for key, value in state.items() if not key.endswith('mask')})
    if fault:
        raise UserError(
            f'{checkpoint} is not published: {fault}. Its training diverged: name an earlier '
            'checkpoint, or train anew with a lower optim_wrapper.optimizer.lr.'
        )
    kept = {key: meta[key] for key in ('dataset_meta', 'iter', 'seed')}
    kept.update(network=name, source=osp.basename(checkpoint))
    run = meta.get(RUN)
    if run:  # so that a test of the published file knows what it was trained on
        own = {key: facts for key, facts in run['networks'].items() if key == name}
        kept[RUN] = dict(run, networks=own)
    record = osp.join(osp.dirname(checkpoint), 'results.json')
    results = read_record(record, 'remove it to publish without scores')
    plain, identity = plain_config(cfg, name), meta.get(IDENTITY, {})
    return PublishedNetwork(name, state, kept, plain, cfg, identity, results)


def _check_fit(state: dict, expected: dict, files: Files) -> None:
    """Stop if a config describes another network: mmseg would load the weights only in part."""
    shapes = [{key: tuple(value.shape) for key, value in one.items()} for one in (state, expected)]
    for key in sorted(shapes[0].keys() | shapes[1].keys()):
        stored, wanted = (one.get(key, 'not there') for one in shapes)
        if stored != wanted:
            raise UserError(
                f'{files.checkpoint} is not of {files.config}: {key} is {stored} in the file and '
                f'{wanted} by the config. If the training had --cfg-options, name its work dir, or '
                'the config in it.'
            )
