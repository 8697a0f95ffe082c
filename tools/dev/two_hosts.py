"""Train on two hosts made of network namespaces: do they come to what two local processes do?

    python tools/dev/two_hosts.py

Each host has an address of its own and sees the other over one cable. Needs Linux, `ip`, and the
right to make namespaces (root, or CAP_NET_ADMIN and CAP_SYS_ADMIN); where that lacks, it says so
and ends with exit status 77. Exit status 1 if losses or weights differ.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/cps/cps_unet-s2_1xb8+8-1k_shapes-30-64x64.py'
TINY = [
    'train_cfg.max_iters=6',
    'train_cfg.val_interval=6',
    'val_dataloader.dataset.num_images=2',
    'train_dataloader.sampler.labeled=1',
    'train_dataloader.sampler.unlabeled=1',
    'train_dataloader.dataset.crop_size=(32,32)',
    'default_hooks.logger.interval=1',
]
SKIPPED, SECONDS = 77, 300


def main() -> int:
    hosts = [f'{os.getpid()}-{k}' for k in range(2)]
    folder = Path(tempfile.mkdtemp(prefix='two-hosts-'))
    try:
        refused = _connect(hosts)
        if refused:
            print(f'skipped: no network namespaces can be made here ({refused})')
            return SKIPPED
        local = _start(folder / 'local')
        assert _ended([local], folder / 'local') == [0]
        processes = [_start(folder / 'hosts', hosts, rank) for rank in range(2)]
        codes = _ended(processes, folder / 'hosts')
        if codes != [0, 0]:
            print(f'failed: exit statuses {codes}')
            return 1
        return _compare(folder)
    finally:
        for host in hosts:
            subprocess.run(['ip', 'netns', 'del', host], capture_output=True)
        shutil.rmtree(folder)


def _connect(hosts: list[str]) -> str:
    """Make two hosts with a cable between them; return why not."""
    ends = [f'v{os.getpid()}{k}' for k in range(2)]
    commands = [f'ip netns add {host}' for host in hosts]
    commands.append(f'ip link add {ends[0]} type veth peer name {ends[1]}')
    for k, (host, end) in enumerate(zip(hosts, ends), 1):
        inside = f'ip -n {host}'
        commands += [
            f'ip link set {end} netns {host}',
            f'{inside} link set {end} name cable',
            f'{inside} addr add 10.99.0.{k}/24 dev cable',
            f'{inside} link set cable up',
            f'{inside} link set lo up',
        ]
    for command in commands:
        try:
            done = subprocess.run(command.split(), capture_output=True, text=True)
        except FileNotFoundError as error:
            return str(error)
        if done.returncode:
            return f'{command}: {done.stderr.strip()}'
    return ''


def _start(work_dir: Path, hosts: list[str] = (), rank: int = 0) -> subprocess.Popen:
    """Start dist_train.sh: two processes here, or one on a host."""
    env = dict(os.environ, PYTHON=sys.executable, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    command = ['bash', str(ROOT / 'tools/dist_train.sh'), str(CONFIG)]
    command += ['1' if hosts else '2', '--work-dir', str(work_dir), '--cfg-options', *TINY]
    if hosts:
        command = ['ip', 'netns', 'exec', hosts[rank], *command]
        env.update(NNODES='2', NODE_RANK=str(rank), MASTER_ADDR='10.99.0.1', PORT='29511')
        env.update(GLOO_SOCKET_IFNAME='cable')
    work_dir.mkdir(exist_ok=True)
    with open(work_dir / f'{rank}.out', 'w') as out:
        return subprocess.Popen(command, env=env, stdout=out, stderr=out)


def _ended(processes: list[subprocess.Popen], work_dir: Path) -> list[int]:
    try:
        codes = [process.wait(SECONDS) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for rank, code in enumerate(codes):
        if code:
            print((work_dir / f'{rank}.out').read_text()[-3000:])
    return codes


def _compare(folder: Path) -> int:
    import torch

    runs = [folder / name for name in ('local', 'hosts')]
    losses = [_losses(run) for run in runs]
    weights = [torch.load(run / 'iter_6.pth', weights_only=True)['state_dict'] for run in runs]
    same = [losses[0] == losses[1], all(map(torch.equal, *(w.values() for w in weights)))]
    print(f'losses of {len(losses[0])} iterations: {"equal" if same[0] else losses}')
    print(f'{len(weights[0])} tensors: {"bit-identical" if same[1] else "DIFFERENT"}')
    return 0 if all(same) and losses[0] else 1


def _losses(run: Path) -> list[float]:
    file = next(run.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [row['loss'] for row in rows if 'loss' in row]


if __name__ == '__main__':
    sys.exit(main())
