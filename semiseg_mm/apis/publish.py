import argparse
import hashlib
import os
import os.path as osp
import sys
import textwrap
from pathlib import Path

import torch

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.finite import fault_in
from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.utils import atomic_path, atomic_write_text

from .command import choose_network, guarded, load_config
from .plain_config import plain_config, warning_of


def run_publish(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description='Write one network as a plain mmseg checkpoint and config.'
    )
    parser.add_argument('config', help='the config that was trained')
    parser.add_argument('checkpoint')
    parser.add_argument('out', help='file to write; the config goes beside it, as .py')
    parser.add_argument('--network', help='which network, if there are several')
    args = parser.parse_args(argv)
    return guarded(lambda args: publish(**vars(args)), args)


def publish(config: str, checkpoint: str, out: str, network: str | None = None) -> tuple[str, str]:
    """Write ``out`` and its config for mmseg; no trace of this project unless a type is ours."""
    cfg = load_config(config)
    source = safe_load(checkpoint)
    weights = source['state_dict']
    name = choose_network(weights, checkpoint, network)
    prefix = f'{PREFIX}{name}.'
    state = {key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)}
    # an attention mask may hold infinity
    fault = fault_in({key: value for key, value in state.items() if not key.endswith('mask')})
    if fault:
        raise UserError(
            f'{checkpoint} is not published: {fault}. Its training diverged: name an earlier '
            'checkpoint, or train anew with a lower optim_wrapper.optimizer.lr.'
        )
    meta = {key: source['meta'][key] for key in ('dataset_meta', 'iter', 'seed')}
    meta.update(network=name, source=osp.basename(checkpoint))
    plain = plain_config(cfg, name)

    out = str(Path(out).with_suffix('.pth'))
    os.makedirs(osp.dirname(out) or '.', exist_ok=True)
    with atomic_path(out) as part:
        torch.save(dict(state_dict=state, meta=meta), part)
    warning = warning_of(plain)
    comment = textwrap.fill(warning, 100, initial_indent='# ', subsequent_indent='# ')
    atomic_write_text(out[:-4] + '.py', f'{comment}\n{plain.pretty_text}'.lstrip())
    digest = hashlib.sha256(Path(out).read_bytes()).hexdigest()
    print(f'{out} (network {name}, sha256 {digest})\n{out[:-4]}.py', file=sys.stderr)
    if warning:
        print(warning, file=sys.stderr)
    if 'custom_imports' in plain:
        needed = ', '.join(plain.custom_imports['imports'])
        print(
            f'It has types that mmseg does not know: it loads where {needed} can be imported '
            '(custom_imports).',
            file=sys.stderr,
        )
    return out, out[:-4] + '.py'
