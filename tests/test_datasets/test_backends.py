"""Images, masks and lists over HTTP, in an LMDB, and in a bucket."""

import contextlib
import http.server
import json
import os
import shutil
import sys
import threading
import time
import types
from functools import partial

import numpy as np
import pytest
import torch
from mmengine import fileio
from mmengine.registry import FUNCTIONS
from torch.utils.data import DataLoader

from semiseg_mm.datasets import SemiDataset, UnlabeledDataset, build_index
from semiseg_mm.datasets.backends import build_source, join, with_backend
from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.http_backend import PatientHTTPBackend
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.structures import SampleRequest
from semiseg_mm.testing import toy_config, toy_network

CLASSES = ('sky', 'road', 'car')
HASTY = dict(backend='http', tries=3, pause=0.0, timeout=5.0)


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        status = self.server.status.get(self.path.rsplit('/', 1)[-1])
        if self.server.failures > 0:
            self.server.failures -= 1
            status = 503
        if self.server.drips:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while self.server.drips:
                    self.wfile.write(b'x')
                    time.sleep(0.01)
        elif status:
            self.send_error(status)
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder; the next ``failures`` answers are 503, those for ``status`` its numbers."""

    def __init__(self, folder):
        super().__init__(('127.0.0.1', 0), partial(Handler, directory=str(folder)))
        self.url = f'http://127.0.0.1:{self.server_port}'
        self.asked, self.failures, self.status, self.drips = [], 0, {}, False


@pytest.fixture
def server(folder):
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cfg(folder_cfg):
    for source in ('labeled', 'unlabeled'):
        folder_cfg[source]['pipeline'][0] = dict(type='LoadImage')
    return folder_cfg


@pytest.fixture
def remote(cfg, server):
    """The config of conftest, with the server for the folder."""
    roots = {key: dict(cfg[key], data_root=server.url) for key in ('labeled', 'unlabeled')}
    return dict(cfg, **roots, backend_args=HASTY)


def same(one: dict, two: dict) -> bool:
    return all(
        torch.equal(one[view]['inputs'], two[view]['inputs'])
        and (
            view != 'labeled'
            or torch.equal(
                one[view]['data_samples'].gt_sem_seg.data,
                two[view]['data_samples'].gt_sem_seg.data,
            )
        )
        for view in one
    )


def samples(dataset):
    return [dataset[SampleRequest(index, serial=index, seed=index)] for index in range(7)]


# ------------------------------------------------------------------ HTTP


def test_http_serves_what_the_folder_holds(cfg, remote, server):
    here, there = SemiDataset(**cfg), SemiDataset(**remote)
    assert here.identity() == there.identity()
    assert all(same(a, b) for a, b in zip(samples(here), samples(there)))
    assert {'/splits/3/labeled.txt', '/splits/3/unlabeled.txt'} <= set(server.asked)
    assert sum(path.startswith('/masks/') for path in server.asked) == 3  # the labeled ones'


def test_a_url_needs_no_backend_args(cfg, remote):
    remote.pop('backend_args')
    assert same(SemiDataset(**remote)[0], SemiDataset(**cfg)[0])


def test_images_may_be_elsewhere_than_lists(cfg, server):
    folders = dict(img_path=f'{server.url}/images', seg_map_path=f'{server.url}/masks')
    cfg['labeled']['data_prefix'] = folders
    cfg['unlabeled']['img_path'] = f'{server.url}/images'
    assert len(samples(SemiDataset(**cfg))) == 7
    assert not any(path.startswith('/splits') for path in server.asked)


def test_training_over_http(remote, tmp_path, server):
    """Validation images and their list come from there too."""
    run = toy_config(tmp_path / 'run', dict(type='SupOnly'), max_iters=3, workers=2)
    run.model.segmentor = toy_network(num_classes=3)
    run.train_dataloader.dataset = dict(type='SemiDataset', **remote)
    load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    run.val_dataloader.dataset = dict(
        type='BaseSegDataset',
        metainfo=dict(classes=CLASSES),
        data_root=server.url,
        ann_file='splits/3/unlabeled.txt',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        backend_args=HASTY,
        pipeline=[*load, dict(type='PackSegInputs')],
    )
    runner = build_runner(run)
    runner.train()
    assert runner.iter == 3 and (tmp_path / 'run/iter_3.pth').is_file()
    results = json.loads((tmp_path / 'run/results.json').read_text())
    assert results['networks']['student']['mIoU']['last'] > 0
    assert any(path.startswith('/masks/b') for path in server.asked)
    assert any(path.startswith('/masks/a') for path in server.asked)
    assert any(path.startswith('/images/b') for path in server.asked)


def test_centroids_over_http(cfg, remote):
    found = [build_index(SemiDataset(**c).labeled, cache_dir='') for c in (cfg, remote)]
    assert len(found[0].label) and np.array_equal(np.stack(found[0]), np.stack(found[1]))


def test_validation_data_over_http(cfg, server):
    """VOC's class asks for its folder and its list before it reads them."""
    val = dict(
        type='PascalVOCDataset',
        data_root=server.url,
        ann_file='splits/3/labeled.txt',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
    )
    dataset = build_source(with_backend(val, HASTY))
    assert len(dataset) == 3 and dataset[1]['gt_seg_map'].shape == (20, 26)
    assert dataset.ann_file == f'{server.url}/splits/3/labeled.txt'


def test_an_absent_unlabeled_image_is_replaced_and_reported(remote, folder):
    (folder / 'images/b1.jpg').unlink()
    dataset = SemiDataset(**remote, max_broken=0.3)
    dataset.broken.report = str(folder / 'broken_images.txt')
    sample = dataset[SampleRequest(4, serial=0)]
    assert sample['weak']['data_samples'].img_path.endswith('/images/b2.jpg')
    (line,) = (folder / 'broken_images.txt').read_text().splitlines()
    assert line.startswith('http://') and '/images/b1.jpg\t' in line and 'HTTP 404' in line


@pytest.mark.parametrize(
    ('name', 'kind'), [('images/a1.jpg', BrokenImage), ('masks/a1.png', UserError)]
)
def test_an_absent_labeled_file_stops_the_run_with_its_url(name, kind, remote, folder, server):
    dataset = SemiDataset(**remote)
    (folder / name).unlink()
    with pytest.raises(kind, match=f'{server.url}/{name} .*HTTP 404'):
        dataset[SampleRequest(1, serial=0)]


def test_a_passing_failure_is_waited_for(remote, cfg, server):
    dataset = SemiDataset(**remote)
    server.failures = 2
    assert same(dataset[SampleRequest(0, 0, 0)], SemiDataset(**cfg)[SampleRequest(0, 0, 0)])
    assert server.failures == 0


@pytest.mark.parametrize('down', ['answers 503', 'is gone', 'refuses'])
@pytest.mark.parametrize('index', [0, 4])
def test_no_image_is_broken_because_the_server_is_down(down, index, remote, folder, server):
    dataset = SemiDataset(**remote)
    dataset.broken.report = str(folder / 'broken_images.txt')
    name = 'a0.jpg' if index == 0 else 'b1.jpg'
    if down == 'answers 503':
        server.failures = 10**6
    elif down == 'refuses':
        server.status[name] = 403
    else:
        server.shutdown()
        server.server_close()
    with pytest.raises(UserError, match=f'images/{name}') as caught:
        dataset[SampleRequest(index, serial=0)]
    assert not isinstance(caught.value, BrokenImage)
    assert ('HTTP 403' if down == 'refuses' else 'in 3 tries') in str(caught.value)
    assert not os.path.exists(dataset.broken.report)


def test_an_answer_has_an_end(server):
    """A server that sends a byte now and then, and one that sends too many."""
    server.drips = True
    backend = PatientHTTPBackend(tries=1, whole=0.05)
    with pytest.raises(UserError, match=r'after 0\.05 seconds it had not come as a whole'):
        backend.get(f'{server.url}/a.jpg')
    server.drips = False
    backend = PatientHTTPBackend(tries=1, largest=100)
    with pytest.raises(UserError, match='has more than 100 bytes'):
        backend.get(f'{server.url}/images/a0.jpg')


def test_a_list_that_is_not_there_is_named(remote, server):
    with pytest.raises(UserError, match=f'list {server.url}/splits/no/labeled.txt does not exist'):
        SemiDataset(**dict(remote, split='splits/no'))


def test_http_cannot_list(server):
    with pytest.raises(UserError, match=f'{server.url}/images cannot be listed.*id list'):
        UnlabeledDataset(img_path='images', data_root=server.url)
    labeled = dict(
        type='BaseSegDataset',
        data_root=server.url,
        data_prefix=dict(img_path='images', seg_map_path='masks'),
    )
    with pytest.raises(UserError, match=f'{server.url}/images cannot be listed.*id list'):
        build_source(labeled)


def test_excluded_ids_count_for_urls(server, folder):
    (folder / 'all.txt').write_text('b0\nb1\nb2.jpg\n')
    dataset = UnlabeledDataset(
        img_path='images', data_root=server.url, ann_file='all.txt', exclude='splits/3/labeled.txt'
    )
    assert len(dataset) == 3
    (folder / 'out.txt').write_text('b0\nb2\n')
    dataset = UnlabeledDataset(
        img_path='images', data_root=server.url, ann_file='all.txt', exclude='out.txt'
    )
    assert dataset.get_data_info(0)['img_path'] == f'{server.url}/images/b1.jpg'


def test_names_with_spaces_and_umlauts(server, folder):
    shutil.copy(folder / 'images/a0.jpg', folder / 'images/zwei Bäume 50%.jpg')
    name = f'{server.url}/images/zwei Bäume 50%25.jpg'  # a percent sign must be written as in a URL
    assert fileio.get(name) == (folder / 'images/a0.jpg').read_bytes()


def test_what_http_can_say_of_existence(server):
    backend = PatientHTTPBackend(tries=1)
    assert backend.exists(f'{server.url}/images/a0.jpg') and backend.exists(f'{server.url}/images')
    assert not backend.exists(f'{server.url}/images/no.jpg')


def test_paths_elsewhere_are_not_said_to_be_missing(remote, cfg, tmp_path):
    remote.pop('backend_args')
    check_paths(remote, 'train_dataloader.dataset')
    elsewhere = dict(cfg['labeled'], data_root='no/such')
    check_paths(dict(cfg, labeled=elsewhere, backend_args=dict(backend='lmdb', db_path='x')), 'd')
    with pytest.raises(UserError, match='no/such does not exist'):
        check_paths(dict(cfg, labeled=elsewhere, backend_args=dict(backend='local')), 'd')
    prefix = dict(img_path=f'{tmp_path}/no', seg_map_path='http://127.0.0.1/masks')
    with pytest.raises(UserError, match=r'/no does not exist'):
        check_paths(dict(cfg, labeled=dict(cfg['labeled'], data_prefix=prefix)), 'd')


# ------------------------------------------------------------------ one key for all places


def test_backend_args_reach_sources_and_transforms(cfg):
    args, own = dict(backend='lmdb', db_path='x'), dict(backend='local')
    cfg['labeled']['pipeline'][1]['backend_args'] = own
    source = with_backend(cfg['labeled'], args)
    assert source['backend_args'] == args
    assert [t.get('backend_args') for t in source['pipeline']] == [args, own, None, None, None]
    assert with_backend(dict(source, backend_args=own), args)['backend_args'] == own
    assert 'backend_args' not in cfg['labeled']  # the config itself stays
    assert with_backend(cfg['labeled'], None) is cfg['labeled']
    assert with_backend(None, args) is None


def test_label_maps_of_a_network_stay_local():
    args = dict(backend='lmdb', db_path='x')
    pipeline = [dict(type='LoadImage'), dict(type='LoadAnnotations')]
    images = dict(type='UnlabeledDataset', img_path='x')
    source = with_backend(dict(images=images, label_dir='labels', pipeline=pipeline), args)
    assert source['images']['backend_args'] == args and 'backend_args' not in source
    assert [t.get('backend_args') for t in source['pipeline']] == [args, None]


@pytest.mark.parametrize(
    ('folder', 'name', 'expected'),
    [
        ('http://h/data/', 'a/b.jpg', 'http://h/data/a/b.jpg'),
        ('http://h/data', '', 'http://h/data'),
        ('s3://bucket', 'a.jpg', 's3://bucket/a.jpg'),
        ('data', 's3://bucket/a.jpg', 's3://bucket/a.jpg'),
        ('data', '', 'data'),
        ('', 'a.jpg', 'a.jpg'),
    ],
)
def test_joining(folder, name, expected):
    assert join(folder, name) == expected


def test_local_backend_said_outright(cfg):
    dataset = SemiDataset(**cfg, backend_args=dict(backend='local'))
    assert all(same(a, b) for a, b in zip(samples(dataset), samples(SemiDataset(**cfg))))


# ------------------------------------------------------------------ LMDB


@pytest.fixture
def database(folder):
    """Images and masks under the paths that a config gives them; the files are gone."""
    lmdb = pytest.importorskip('lmdb')
    path = folder / 'data.lmdb'
    with lmdb.open(str(path), map_size=1 << 24) as database, database.begin(write=True) as write:
        for part in ('images', 'masks'):
            for file in (folder / part).iterdir():
                write.put(str(file).encode('ascii'), file.read_bytes())
    kept = folder / 'kept'
    kept.mkdir()
    for part in ('images', 'masks'):
        (folder / part).rename(kept / part)
    return dict(backend='lmdb', db_path=str(path))


def test_lmdb_serves_what_the_folder_held(cfg, folder, database):
    """Lists lie beside it; processes that are forked after the first read open it anew."""
    dataset = SemiDataset(**cfg, backend_args=database)
    found = samples(dataset)
    requests = [SampleRequest(index, serial=index, seed=index) for index in range(7)]
    loader = DataLoader(
        dataset, 1, sampler=requests, num_workers=2, collate_fn=FUNCTIONS.get('collate_views')
    )
    for sample, batch in zip(found, loader):
        for view, content in sample.items():
            assert torch.equal(batch['inputs'][view][0], content['inputs'])
    for part in ('images', 'masks'):
        (folder / 'kept' / part).rename(folder / part)
    assert all(same(a, b) for a, b in zip(found, samples(SemiDataset(**cfg))))


def test_lmdb_without_a_key(cfg, folder, database):
    lists = folder / 'splits/3'
    (lists / 'unlabeled.txt').write_text('b0\nb9\nb2\nb3\n')
    dataset = SemiDataset(**cfg, backend_args=database, max_broken=0.3)
    sample = dataset[SampleRequest(4, serial=0)]
    assert sample['weak']['data_samples'].img_path.endswith('/images/b2.jpg')
    (lists / 'labeled.txt').write_text('a0\na9\n')
    with pytest.raises(BrokenImage, match=r'a9\.jpg .*the storage holds no such file'):
        SemiDataset(**cfg, backend_args=database)[SampleRequest(1, serial=0)]


def test_lmdb_cannot_list(cfg, database):
    cfg.pop('split')
    with pytest.raises(UserError, match=r'images cannot be listed.*id list'):
        SemiDataset(**cfg, backend_args=database)


def test_an_lmdb_that_is_not_there_breaks_no_image(cfg, folder, database):
    dataset = SemiDataset(**cfg, backend_args=dict(database, db_path=str(folder / 'no.lmdb')))
    for index in (0, 4):
        with pytest.raises(UserError, match='could not be fetched') as caught:
            dataset[SampleRequest(index, serial=0)]
        assert not isinstance(caught.value, BrokenImage)


# ------------------------------------------------------------------ a bucket


@pytest.fixture
def bucket(monkeypatch, folder):
    """petrel_client, as far as mmengine calls it; its clients are noted."""
    clients = []

    class Client:
        def __init__(self, conf_path=None, enable_mc=True):
            self.conf_path = conf_path
            clients.append(self)

        def Get(self, path):
            file = folder / path.removeprefix('s3://bucket/')
            if file.name == 'b3.jpg':
                raise RuntimeError('no route to host')
            return file.read_bytes() if file.is_file() else None

    module = types.ModuleType('petrel_client')
    module.client = types.SimpleNamespace(Client=Client)
    monkeypatch.setitem(sys.modules, 'petrel_client', module)
    return clients


def test_a_bucket_gets_the_arguments(cfg, folder, bucket):
    roots = {key: dict(cfg[key], data_root='s3://bucket') for key in ('labeled', 'unlabeled')}
    args = dict(backend='petrel', conf_path=str(folder / 'petrel.conf'))
    here, there = SemiDataset(**cfg), SemiDataset(**dict(cfg, **roots), backend_args=args)
    for index in range(6):
        assert same(here[index], there[index])
    assert bucket and all(client.conf_path == args['conf_path'] for client in bucket)
    (folder / 'images/b1.jpg').unlink()
    there.broken.max_share = 0.5
    replaced = there[SampleRequest(4, serial=0)]['weak']['data_samples']
    assert replaced.img_path == 's3://bucket/images/b2.jpg'
    with pytest.raises(UserError, match=r'b3\.jpg could not be fetched .*no route to host'):
        there[SampleRequest(6, serial=0)]
