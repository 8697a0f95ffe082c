import os
import pickle
import zipfile
from urllib.error import URLError

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from semiseg_mm.engine import checkpoint as ckpt
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config


class Malicious:
    """Unpickling it writes a file: what a hostile checkpoint would do."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.mark.parametrize('load', [ckpt.safe_load, CheckpointLoader.load_checkpoint])
def test_a_malicious_file_is_refused_and_runs_nothing(load, tmp_path):
    """Also through mmengine's own loader, which load_from, resume and init_cfg go through."""
    path, proof = tmp_path / 'bad.pth', tmp_path / 'code_ran'
    torch.save(dict(state_dict={}, meta=Malicious(proof)), path)
    with pytest.raises(UserError, match=r'bad\.pth was refused: it holds'):
        load(str(path))
    assert not proof.exists()


def test_an_old_format_pickle_is_refused_too(tmp_path):
    path, proof = tmp_path / 'bad.pth', tmp_path / 'code_ran'
    path.write_bytes(pickle.dumps(Malicious(proof)))
    with pytest.raises(UserError):
        ckpt.safe_load(path)
    assert not proof.exists()


def test_getattr_is_not_a_way_in(tmp_path):
    """mmengine's histories are pickled with getattr: it must not reach anything else."""

    class ViaGetattr:
        def __reduce__(self):
            return getattr, (HistoryBuffer, '__init__')

    path = tmp_path / 'bad.pth'
    torch.save(ViaGetattr(), path)
    with pytest.raises(UserError, match='refused'):
        ckpt.safe_load(path)


@pytest.mark.skipif(
    not hasattr(torch.serialization, 'safe_globals'), reason='torch has no allow-list'
)
def test_a_checkpoint_of_mmengine_loads(tmp_path):
    """Log histories and NumPy values are what mmengine's checkpoints hold besides weights."""
    history = HistoryBuffer(np.array([1.0, 2.0]), np.array([1, 1]), 10)
    content = dict(
        state_dict=dict(w=torch.ones(2)),
        message_hub=dict(log_scalars={'train/loss': history}, runtime_info=dict(iter=5)),
        meta=dict(score=np.float64(0.5), palette=np.arange(3), best=np.float32(0.25)),
    )
    torch.save(content, tmp_path / 'mmengine.pth')
    loaded = ckpt.safe_load(tmp_path / 'mmengine.pth')
    assert loaded['message_hub']['log_scalars']['train/loss'].mean() == 1.5
    assert loaded['meta']['score'] == 0.5 and loaded['meta']['best'] == 0.25


def test_plain_content_needs_no_allow_list_and_comes_back(tmp_path):
    history = HistoryBuffer(np.array([1.0, 2.0]), np.array([1, 3]), 10)
    content = dict(hub={'a': history, 'b': [np.float32(0.5), (np.arange(2),)]})
    torch.save(ckpt.to_plain(content), tmp_path / 'plain.pth')
    loaded = ckpt.from_plain(torch.load(tmp_path / 'plain.pth', weights_only=True))
    for before, after in zip(history.data, loaded['hub']['a'].data, strict=True):
        assert np.array_equal(before, after)
    assert loaded['hub']['a'].max_length == 10
    assert loaded['hub']['b'] == [0.5, ([0, 1],)]


@pytest.mark.parametrize('content', [b'', b'broken', b'PK\x03\x04 half a zip', b'<html></html>'])
def test_damaged_files_are_called_damaged(content, tmp_path):
    (tmp_path / 'iter_1.pth').write_bytes(content)
    with pytest.raises(UserError, match=r'iter_1\.pth (is damaged|was refused)'):
        ckpt.safe_load(tmp_path / 'iter_1.pth')


def flip(path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at // 8] ^= 1 << at % 8
    path.write_bytes(content)


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.fixture(scope='module')
def toy_file(tmp_path_factory):
    """A checkpoint of a real run, with its optimizer."""
    from mmengine.registry import init_default_scope

    init_default_scope('semiseg_mm')
    folder = tmp_path_factory.mktemp('toy')
    build_runner(toy_config(folder, dict(type='SupOnly'), max_iters=1)).train()
    return folder / 'iter_1.pth'


def test_a_flipped_bit_never_changes_what_is_read(toy_file, tmp_path):
    """Everywhere: weights, pickle, headers and directory. torch reads most of them as they are."""
    whole, path = ckpt.safe_load(toy_file), tmp_path / 'flipped.pth'
    bits = 8 * toy_file.stat().st_size
    ends = [*range(0, 8 * 64, 5), *range(bits - 8 * 400, bits, 11)]
    refused = 0
    for at in [*ends, *np.random.default_rng(0).integers(0, bits, 150).tolist()]:
        path.write_bytes(toy_file.read_bytes())
        flip(path, at)
        os.utime(path, ns=(at, at))  # a clock is too coarse for this loop
        try:
            assert same(ckpt.safe_load(path), whole), at
        except UserError as error:
            assert 'flipped.pth is damaged' in str(error), at
            refused += 1
    assert refused > 250


def test_a_part_that_calls_itself_a_folder_is_damage(toy_file, tmp_path):
    """One bit of the directory's entry: torch would take memory as it is for that part."""
    content, path = toy_file.read_bytes(), tmp_path / 'flipped.pth'
    entry = content.rindex(b'PK\x01\x02', 0, content.index(b'archive/data/4PK') + 1)
    path.write_bytes(content)
    flip(path, 8 * (entry + 38) + 4)
    with pytest.raises(UserError, match=r'damaged .* part archive/data/4 calls itself a folder'):
        ckpt.safe_load(path)


def test_a_file_is_compared_with_its_checksums_once(toy_file, tmp_path, monkeypatch):
    path, read = tmp_path / 'some.pth', []
    path.write_bytes(toy_file.read_bytes())
    testzip = zipfile.ZipFile.testzip
    monkeypatch.setattr(zipfile.ZipFile, 'testzip', lambda z: read.append(z) or testzip(z))
    for _ in range(3):
        ckpt.safe_load(path)
    assert len(read) == 1
    path.write_bytes(toy_file.read_bytes())
    os.utime(path, ns=(1, 1))
    ckpt.safe_load(path)
    assert len(read) == 2


def test_files_without_checksums_load(tmp_path):
    """Pickles of old, and files whose writer was told to leave them out."""
    content = dict(state_dict=dict(w=torch.arange(3.0)))
    torch.save(content, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    assert same(ckpt.safe_load(tmp_path / 'old.pth'), content)
    if hasattr(torch.serialization, 'set_crc32_options'):
        torch.serialization.set_crc32_options(False)
        try:
            torch.save(content, tmp_path / 'none.pth')
        finally:
            torch.serialization.set_crc32_options(True)
        assert same(ckpt.safe_load(tmp_path / 'none.pth'), content)


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth does not exist'):
        ckpt.safe_load('nowhere.pth')


def test_urls_of_one_name_are_two_files(monkeypatch, tmp_path):
    """A name with a digest is one file everywhere; a file without a note is taken, and said."""
    seen, said = [], []

    def download(url, path, *_, **__):
        seen.append(url)
        torch.save(dict(url=url), path)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(ckpt, 'print_log', lambda text, *_, **__: said.append(text))
    urls = [f'https://{host}/{name}.pth' for host in 'ab' for name in ('m', 'm-0123abcd')]
    for _ in range(2):
        found = [CheckpointLoader.load_checkpoint(url)['url'] for url in urls]
        assert found == [urls[0], urls[1], urls[2], urls[1]]
    assert seen == urls[:3] and not said
    torch.save(dict(url='by hand'), tmp_path / 'checkpoints/n.pth')
    assert CheckpointLoader.load_checkpoint('https://a/n.pth')['url'] == 'by hand'
    assert 'n.pth is taken for https://a/n.pth' in said[0]


@pytest.mark.parametrize('error', [URLError('no name'), RuntimeError('invalid hash value (a)')])
def test_weights_that_cannot_be_fetched_are_named_with_their_place(error, monkeypatch, tmp_path):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    with pytest.raises(UserError) as caught:
        CheckpointLoader.load_checkpoint('open-mmlab://resnet50_v1c')
    for part in ('https://', f'put it there: {tmp_path}/checkpoints/resnet50_v1c', 'init_cfg=None'):
        assert part in str(caught.value)


def test_model_names_resolve_to_urls_and_load_safely(monkeypatch, tmp_path):
    """open-mmlab:// goes through the same safe door; nothing is downloaded here."""
    torch.save(dict(state_dict=dict(w=torch.ones(1))), tmp_path / 'resnet.pth')
    seen = []

    def download(url, path, *_, **__):
        seen.append(url)
        os.replace(tmp_path / 'resnet.pth', path)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    loaded = CheckpointLoader.load_checkpoint('open-mmlab://resnet50_v1c', map_location='cpu')
    assert loaded['state_dict']['w'] == 1
    assert len(seen) == 1 and seen[0].startswith('https://') and 'resnet50_v1c' in seen[0]
    with pytest.raises(UserError, match='no model of that name'):
        CheckpointLoader.load_checkpoint('open-mmlab://resnet51')
