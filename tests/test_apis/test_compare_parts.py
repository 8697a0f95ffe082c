"""How configs are put together, how records become a table, how places are given away."""

import io
import itertools
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from rich.console import Console

from semiseg_mm.apis.command import load_config as read
from semiseg_mm.apis.compare import machine, main, options_by_label, report
from semiseg_mm.apis.compare.methods import METHODS, choose, compose, follow, load_base, method_of
from semiseg_mm.apis.compare.run import Label
from semiseg_mm.apis.compare.settings import left_behind, set_aside, settings_hash, settings_of
from semiseg_mm.apis.processes import TrainingProcess, schedule, training_process
from semiseg_mm.apis.processes.display import make_display
from semiseg_mm.engine.facts import training_facts
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATA_SAMPLERS, DATASETS, MODELS
from semiseg_mm.testing import toy_config

SHAPES = METHODS.parents[1] / 'sup_only/sup-only_unet-s2_1xb8+8-1k_shapes-30-64x64.py'
NAMES = sorted(path.stem for path in METHODS.glob('*.py'))


@pytest.fixture
def toy(tmp_path):
    path = tmp_path / 'toy.py'
    toy_config('unused', dict(type='SupOnly', num_classes=7)).dump(path)
    return str(path)


def composed(base, name, **options):
    (choice,) = choose([name])
    return compose(load_base(base, {}), choice._replace(options=options))


@pytest.mark.parametrize('base', ['semiseg_mm::_base_/methods/cps.py', '../_base_/methods/cps.py'])
def test_the_method_of_a_leaf_is_known_wherever_the_leaf_lies(tmp_path, base):
    """Also in a checkout that is not the package that runs."""
    for folder in ('configs/_base_/methods', 'configs/cps'):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / 'configs/_base_/methods/cps.py').touch()
    leaf = tmp_path / 'configs/cps/leaf.py'
    leaf.write_text(f'_base_ = {base!r}\n')
    assert method_of(leaf) == METHODS / 'cps.py'


# ------------------------------------------------------------------ equal for all methods


def requests_of(cfg, count=12):
    """The first requests of labeled images, and what the first ones are served with."""
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    sampler = DATA_SAMPLERS.build(dict(cfg.train_dataloader.sampler, dataset=dataset, seed=1))
    stream = (r for r in sampler if r.index < dataset.num_labeled)
    found = list(itertools.islice(stream, count))
    served = [dataset[request]['labeled']['inputs'] for request in found[:3]]
    return found, torch.stack(served)


@pytest.mark.parametrize('name', NAMES)
def test_network_stream_and_schedule_are_the_same(toy, name):
    ours, base = composed(toy, name), composed(toy, 'sup_only')
    for one, two in zip(requests_of(ours), requests_of(base)):
        assert torch.equal(one, two) if isinstance(one, torch.Tensor) else one == two
    own = Config.fromfile(METHODS / f'{name}.py')
    if own.get('optimizer_parts'):  # beside the base's optimizer a method may have its own
        paramwise = ours.optim_wrapper.paramwise_cfg
        assert paramwise.pop('parts') == own.optimizer_parts
        assert ours.optim_wrapper.pop('constructor') == 'PartwiseConstructor'
        assert ours.optim_wrapper.pop('paramwise_cfg') == base.optim_wrapper.get(
            'paramwise_cfg', {}
        )
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'val_dataloader', 'val_evaluator'):
        assert ours[key] == base[key], key
    assert ours.model.segmentor == base.model.segmentor and ours.model.num_classes == 7
    assert ours.model.type == own.model.type
    assert ours.get('custom_hooks') == own.get('custom_hooks', [])
    MODELS.build(ours.model)


def test_only_sup_only_leaves_the_unlabeled_out(toy):
    assert composed(toy, 'sup_only').train_dataloader.sampler.labeled_only
    ours = composed(toy, 'fixmatch')
    assert not ours.train_dataloader.sampler.labeled_only and ours.runner_type == 'SemiRunner'
    assert composed(toy, 'st').runner_type == 'StagedRunner'


def test_any_leaf_is_the_same_base():
    """Whatever method the base was for, and whatever its rate was scaled by."""
    leaves = (SHAPES, SHAPES.parents[1] / 'cps/cps-cutmix_unet-s2_1xb8+8-1k_shapes-30-64x64.py')
    leaves += (
        SHAPES.parents[1] / 'self_training/self-training_unet-s2_1xb8+8-1k_shapes-30-64x64.py',
        SHAPES.parents[1] / 'dcc/dcc_unet-s2_1xb8+8-1k_shapes-30-64x64.py',
    )
    for name in ('sup_only', 'unimatch'):
        found = [composed(str(leaf), name) for leaf in leaves]
        keys = [settings_hash(settings_of(cfg, 0, {})) for cfg in found]
        assert len(set(keys)) == 1
        sizes = {cfg.auto_scale_lr.base_batch_size for cfg in found}
        assert sizes == {8 if name == 'sup_only' else 16}


def test_strong_views_follow_the_dataset():
    own = dict(type='StrongView', sigma=(0.1, 1.0))  # of configs/_base_/datasets/shapes.py
    found = composed(str(SHAPES), 'unimatch').train_dataloader.dataset.views
    assert found == dict(weak=[], strong1=[own], strong2=[own])
    assert composed(str(SHAPES), 'cutmix_seg').train_dataloader.dataset.views.strong == []
    found = composed(str(SHAPES), 'st').train_dataloader.dataset.views
    assert found == dict(pseudo=[own, dict(type='CutOut')])
    views = dict(strong=[dict(type='StrongView')])
    assert follow(views, None) == views  # a dataset without its own
    pool = [dict(type='RandomOps'), dict(type='CutOut')]
    assert follow(views, dict(strong=pool)) == dict(strong=pool)


def test_a_leaf_is_a_method_too():
    path = SHAPES.parents[1] / 'mean_teacher/mean-teacher_unet-s2_1xb8+8-1k_shapes-30-64x64.py'
    (choice,) = choose([f'mt={path}'])
    assert choose([f'mt={path.stem}']) == [choice]  # by its name, from any folder
    cfg = compose(load_base(str(SHAPES), {'train_cfg.max_iters': 9}), choice)
    assert choice.name == 'mt' and cfg.model.rampup_iters == 850
    assert cfg.custom_hooks[0].decay == 0.98 and cfg.train_cfg.max_iters == 9
    assert 'strong' in cfg.train_dataloader.dataset.views


@pytest.mark.parametrize('labels', ['1_30', '1_8'])
def test_a_leaf_of_camvid_loses_nothing_in_a_comparison(labels):
    """So tools/dev/results.py --add takes the records: they have the hashes of the leaves."""
    pattern = f'*_deeplabv3plus_efficientnet-lite0-*-2k_camvid-mine-{labels}-320x320.py'
    leaves = {f.name.split('_')[0]: f for f in METHODS.parents[1].glob(f'[!_]*/{pattern}')}
    colours, plain = leaves.pop('sup-only-colours'), leaves['sup-only']
    pairs = [(plain, str(leaf), leaf) for leaf in leaves.values()]
    pairs.append((colours, 'sup_only', colours))  # a comparison of its own
    assert len(pairs) > 10
    for base, word, leaf in pairs:
        facts = [
            training_facts(cfg, dict(split={}))
            for cfg in (composed(str(base), word), read(str(leaf)))
        ]
        assert facts[0]['config_sha256'] == facts[1]['config_sha256'], leaf.name


# ------------------------------------------------------------------ what is asked for


def test_unknown_methods_are_named_with_what_exists():
    with pytest.raises(UserError, match=r"no 'fixmach'.*Did you mean 'fixmatch'") as error:
        choose(['sup_only', 'fixmach'])
    assert all(name in str(error.value) for name in NAMES)
    with pytest.raises(UserError, match='does not exist'):
        choose(['nowhere/x.py'])
    with pytest.raises(UserError, match=r'twice.*label'):
        choose(['fixmatch', 'fixmatch'])
    with pytest.raises(UserError, match='folder'):
        choose(['a/b=fixmatch'])


@pytest.mark.parametrize(
    ('key', 'said'),
    [
        ('model.weight', 'method-options'),
        ('train_dataloader.dataset.views.weak', 'method-options'),
        ('randomness.seed', '--seeds'),
        ('train_dataloaders.x', "Did you mean 'train_dataloader'"),
    ],
)
def test_options_for_all_keep_to_what_all_share(toy, key, said):
    with pytest.raises(UserError, match=said):
        load_base(toy, {key: 1})


def test_options_for_all_reach_all(toy):
    options = {'model.segmentor.backbone.channels': 8, 'optim_wrapper.optimizer.lr': 0.5}
    cfg = compose(load_base(toy, options), *choose(['fixmatch']))
    assert cfg.model.segmentor.backbone.channels == 8 and cfg.optim_wrapper.optimizer.lr == 0.5


def test_options_of_one_method(toy):
    assert composed(toy, 'fixmatch', **{'model.filter.value': 0.5}).model.filter.value == 0.5
    for key in ('train_cfg.max_iters', 'model.segmentor.backbone', 'randomness.seed'):
        with pytest.raises(UserError, match='keeps that equal'):
            composed(toy, 'fixmatch', **{key: 1})
    with pytest.raises(UserError, match='does not fit'):
        composed(toy, 'fixmatch_v1', **{'custom_hooks.0.decay': 1})
    words = ['a,b:model.weight=[1,2]', 'b:x=y:z']
    assert options_by_label(['a', 'b'], words) == dict(
        a=['model.weight=[1,2]'], b=['model.weight=[1,2]', 'x=y:z']
    )
    with pytest.raises(UserError, match="'c' is none of --methods a b"):
        options_by_label(['a', 'b'], ['c:x=1'])
    with pytest.raises(UserError, match='LABEL:KEY=VALUE'):
        options_by_label(['a'], ['model.weight=1'])


CITYSCAPES = (
    SHAPES.parents[1] / 'cps/cps_deeplabv3plus_r50-d16_8xb2+2-22k_cityscapes-1_8-800x800.py'
)


def lost(leaf, *words, **options):
    choices = [c._replace(options=options) for c in choose(words)]
    return left_behind(load_base(str(leaf), {}), str(leaf), choices)


def test_a_bare_name_says_what_it_leaves_of_the_base():
    """CPS weighs 6 on Cityscapes; configs/_base_/methods has 1.5, that of VOC."""
    assert lost(CITYSCAPES, 'sup_only', 'cps', 'mean_teacher') == [
        'cps has the settings of configs/_base_/methods, not those of the base: model.weight was '
        f'6.0, is 1.5. To keep those of the base: --methods cps={CITYSCAPES}.'
    ]
    (note,) = lost(CITYSCAPES, 'a=cps')
    assert f'--methods a={CITYSCAPES}.' in note
    r101 = CITYSCAPES.with_name(CITYSCAPES.name.replace('r50', 'r101'))  # a leaf of that leaf
    (note,) = lost(r101, 'cps')
    assert f'was 6.0, is 1.5. To keep those of the base: --methods cps={r101}.' in note


def test_a_bare_name_leaves_hooks_and_views_too():
    leaf = SHAPES.parents[1] / 'mean_teacher/mean-teacher_unet-s2_1xb8+8-1k_shapes-30-64x64.py'
    (note,) = lost(leaf, 'mean_teacher')
    for said in ('model.rampup_iters was 850, is 0', 'custom_hooks.0.decay was 0.98, is 0.99',
                 'train_dataloader.dataset.views.strong was [', '…, is not set'):  # fmt: skip
        assert said in note


def test_where_nothing_is_left_behind(toy):
    for words in (['cps_cutmix'], ['sup_only'], ['cps', f'own={CITYSCAPES}'], [f'x={CITYSCAPES}']):
        assert lost(CITYSCAPES, *words) == []
    assert lost(CITYSCAPES, 'cps', **{'model.weight': 2.0}) == []  # asked for
    assert lost(toy, 'sup_only') == [] == lost(SHAPES, 'sup_only')


def test_a_leaf_says_what_a_comparison_takes_from_the_base():
    """The colours of this control stand in its labeled pipeline, which is the base's for all."""
    name = 'sup-only{}_deeplabv3plus_efficientnet-lite0-d16_1xb8+8-2k_camvid-mine-1_30-320x320.py'
    plain, colours = (str(SHAPES.parent / name.format(word)) for word in ('', '-colours'))
    base, choices = load_base(plain, {}), choose([f'x={colours}', f'y={plain}', 'fixmatch'])
    (note,) = set_aside(base, choices, [])
    assert note.startswith('x has these settings of the base, not those of its own file: train_')
    assert 'dataset.labeled.pipeline is not the same. To train with its own' in note
    assert set_aside(base, choices, ['train_dataloader.dataset.labeled']) == []  # asked for
    (leaf,) = METHODS.parents[1].glob('dmt/*_shapes-*.py')
    (note,) = set_aside(load_base(str(SHAPES), {}), choose([str(leaf)]), [])
    assert 'its own file: optim_wrapper.optimizer.lr was 0.1, is 0.2. To' in note


def test_bases_that_cannot_be(tmp_path):
    cfg = toy_config('unused', dict(type='SupOnly'))
    cfg.train_dataloader.sampler.unlabeled = 0
    cfg.dump(tmp_path / 'a.py')
    with pytest.raises(UserError, match=r'labeled and unlabeled.*=2') as error:
        load_base(str(tmp_path / 'a.py'), {})
    option = str(error.value).split()[-1].rstrip('.')  # what it says will do
    name, number = option.split('=')
    sampler = load_base(str(tmp_path / 'a.py'), {name: int(number)}).train_dataloader.sampler
    assert sampler.unlabeled == sampler.labeled
    cfg = toy_config('unused', dict(type='CPSSegmentor'))
    cfg.model.segmentor = [cfg.model.segmentor] * 2
    cfg.dump(tmp_path / 'b.py')
    with pytest.raises(UserError, match='several networks'):
        load_base(str(tmp_path / 'b.py'), {})


def test_a_method_of_networks_of_its_own_is_no_part_of_a_comparison():
    (leaf,) = METHODS.parents[1].glob('diverse_cotraining/*_shapes-*.py')
    with pytest.raises(UserError, match="all the base's one: train it by itself"):
        composed(str(SHAPES), str(leaf))
    cfg = composed(str(SHAPES), 'diverse_cotraining')  # two of the base's
    strong = [cfg.train_dataloader.dataset.views[name] for name in cfg.model.student_view]
    assert cfg.model.segmentor.backbone.type == 'UNet' and strong[0] == strong[1] != []


def test_the_hash_knows_what_decides():
    cfg = toy_config('unused', dict(type='SupOnly'))
    split = dict(name='a', lists='', labeled=dict(count=1, sha256='x', order='y'))
    before = settings_hash(settings_of(cfg, 0, split))
    cfg.log_level, cfg.work_dir, cfg.train_dataloader.num_workers = 'INFO', 'elsewhere', 3
    assert settings_hash(settings_of(cfg, 0, dict(split, name='b'))) == before
    assert settings_hash(settings_of(cfg, 1, split)) != before
    other = dict(split, labeled=dict(count=1, sha256='z', order='y'))
    assert settings_hash(settings_of(cfg, 0, other)) != before
    for change in ({'optim_wrapper.optimizer.lr': 1}, {'val_dataloader.dataset.num_images': 3}):
        changed = Config(cfg.to_dict())
        changed.merge_from_dict(change)
        assert settings_hash(settings_of(changed, 0, split)) != before


# ------------------------------------------------------------------ the table


def record(method, seed, scores, pace, kind='Method', total=100):
    networks = {
        name: dict(mIoU=dict(last=last, last_iter=100, best=best, best_iter=50))
        for name, (last, best) in scores.items()
    }
    return dict(
        method=method, seed=seed, model=kind, networks=networks, seconds_per_iter=pace,
        iterations=100, total_iterations=total, base='b.py', network=dict(name='N'), dataset='D',
        labels=3, unlabeled=9, split=dict(name='s/1', labeled='ab' * 32), lists='Lists: unknown.',
        batch=dict(labeled=2, unlabeled=2), evaluation=dict(mode='slide'), device='cpu', threads=1,
        versions=dict(torch='2'),
    )  # fmt: skip


def test_table_by_hand():
    """SupOnly 50, 54, 52: mean 52, sample std 2. The method 56, 57 on seeds 0 and 1: mean 56.5,
    std sqrt(0.5); its gains are 6 and 3: mean 4.5, std sqrt(4.5). The third seed failed."""
    sup = [(50.0, 51.0), (54.0, 54.0), (52.0, 57.0)]
    records = dict(
        b=[
            record('b', 0, dict(student=(56.0, 58.0), teacher=(60.0, 60.0)), 0.3),
            record('b', 1, dict(student=(57.0, 58.0), teacher=(50.0, 62.0)), 0.5),
        ],
        a=[record('a', k, dict(student=s), 0.2, 'SupOnly') for k, s in enumerate(sup)],
        one=[record('one', 2, dict(net=(51.0, 51.0)), 0.1, total=300)],
        none=[],
    )
    records['one'][0]['validations'] = 1  # its last score is the only one
    rows = report.summarise(records, 'mIoU')
    assert [report.cells(row) for row in rows] == [
        ['b', 'student', '100', '2', '56.50 ± 0.71', '+4.50 ± 2.12', '58.00 ± 0.00', '0.4', '2.00'],
        ['b', 'teacher', '100', '2', '55.00 ± 7.07', '+3.00 ± 9.90', '61.00 ± 1.41', '0.4', '2.00'],
        ['a', 'student', '100', '3', '52.00 ± 2.00', '-', '54.00 ± 3.00', '0.2', '1.00'],
        ['one', 'net', '300 in all', '1', '51.00', '-1.00', '-', '0.1', '0.50'],
        ['none', '-', '-', '0', '-', '-', '-', '-', '-'],
    ]
    text = report.make_markdown(rows, 'mIoU', ['A note.'])
    assert '| a | student | 100 | 3 | 52.00 ± 2.00 | - | 54.00 ± 3.00 | 0.2 | 1.00 |' in text
    assert text.endswith('- A note.\n')
    assert 'one,net,1,2,100,300,51.0,,,,-1.0,,0.1,0.5\n' in report.make_csv(rows)
    table = report.make_table(rows, 'mIoU')
    assert next(iter(table.columns[5].cells)) == '+4.50 ± 2.12' and table.row_count == 5


def test_without_a_yardstick_there_is_no_gain():
    (row,) = report.summarise(dict(b=[record('b', 0, dict(n=(1.0, 2.0)), None)]), 'mIoU')
    assert (row['last'], row['gain'], row['relative_pace'], row['last_std']) == (
        1,
        None,
        None,
        None,
    )


def test_notes_say_where_runs_differ():
    runs = [record('a', k, dict(n=(1.0, 1.0)), 1.0, total=250) for k in (0, 1)]
    runs[1]['device'] = 'GPU'
    notes = report.make_notes(runs, dict(a=['x=1'], b=[]))
    said = '\n'.join(notes)
    assert 'Device: cpu, 1 CPU threads a run; GPU, 1 CPU threads a run. **The runs differ' in said
    assert said.count('differ in this') == 1 and 'Evaluation: slide.' in said
    assert 'a with x=1.' in notes and not [note for note in notes if note.startswith('b with')]
    assert 'a trains in stages, 2.5 times as many iterations' in said
    assert '3 labeled (abababababab)' in said and 'split s/1' in said
    assert 'Unlabeled images: 9.' in said


# ------------------------------------------------------------------ places and display


def test_one_run_a_gpu(monkeypatch):
    monkeypatch.setattr(machine.torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '3,5')
    assert machine.places() == ['3', '5']
    assert machine.places(3) == ['3', '5', '3'] and machine.places(1) == ['3']
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES')
    assert machine.places() == ['0', '1']
    monkeypatch.setattr(machine.torch.cuda, 'device_count', lambda: 1)
    assert machine.places(4) == ['0', '0', '0', '0'] and machine.places() == ['0']
    monkeypatch.setattr(machine.torch.cuda, 'device_count', lambda: 0)
    assert machine.places(2) == [None, None]
    monkeypatch.setenv('OMP_NUM_THREADS', '7')
    assert machine.threads() == 7


class Fake:
    def __init__(self, name, polls, journal):
        self.method = type('Label', (), dict(key=name, title=name, cost=1))
        self.phase, self.iter, self.max_iters, self.seconds_per_iter = 'waiting', 0, 10, None
        self.polls, self.journal, self.startup = polls, journal, None

    def start(self, threads, lock):
        self.phase = 'training'
        self.journal.append((self.method.key, self.device, threads))

    def poll(self):
        self.polls -= 1
        return self.polls > 0

    def seconds_left(self):
        return None

    def ask_to_stop(self):
        self.journal.append(f'ask {self.method.key}')

    def stop(self):
        self.journal.append(f'stop {self.method.key}')


def test_a_place_is_given_on_when_it_is_free(monkeypatch):
    monkeypatch.setattr(schedule.time, 'sleep', lambda _: None)
    journal = []
    runs = [Fake(name, polls, journal) for name, polls in (('a', 3), ('b', 1), ('c', 4), ('d', 1))]
    schedule.run_all(runs, lambda left: None, 0, ['3', '5'], 2)
    # b ends first, so c follows it on 5; a ends next, and d follows on 3
    assert journal == [('a', '3', 2), ('b', '5', 2), ('c', '5', 2), ('d', '3', 2)]


def test_shortly_before_its_end_nothing_starts(monkeypatch):
    """A second passes between polls. A start took 20 s, so with 40 s left none pays any more."""
    clock = [0.0]
    monkeypatch.setattr(schedule.time, 'monotonic', lambda: clock[0])
    monkeypatch.setattr(schedule.time, 'sleep', lambda _: clock.__setitem__(0, clock[0] + 1))
    journal = []
    runs = [Fake(name, polls, journal) for name, polls in (('a', 30), ('b', 90), ('c', 99))]
    runs[0].startup = 20.0
    schedule.run_all(runs, lambda left: None, 0, ['3'], 1, schedule.Deadline(75.0))
    assert journal == [('a', '3', 1), ('b', '3', 1), 'ask b', 'stop b'] and clock == [75.0]
    runs, journal[:] = [Fake('a', 30, journal), Fake('b', 30, journal)], []
    schedule.run_all(runs, lambda left: None, 0, ['3'], 1, schedule.Deadline(40.0))
    assert journal == [('a', '3', 1)] and clock == [105.0]  # it does not wait for the end


def a_training(folder, code, result=None):
    """Make one whose process ends with a status as soon as it is asked to."""
    one = TrainingProcess(Label('a', 'a'), folder, folder / 'a.py', [], 10, 5)
    one._process = SimpleNamespace(
        poll=iter([None, code]).__next__, terminate=lambda: None, wait=lambda seconds: code
    )
    one.result = lambda: result
    one.ask_to_stop()
    one.stop()
    return one


@pytest.mark.parametrize(
    'code, result, phase',
    [(143, None, 'stopped'), (-15, None, 'stopped'), (1, None, 'failed'), (0, {'a': 1}, 'done')],
)
def test_how_a_training_ended_that_was_asked_to(tmp_path, monkeypatch, code, result, phase):
    monkeypatch.setattr(TrainingProcess, '__abstractmethods__', frozenset(), raising=False)
    assert a_training(tmp_path, code, result).phase == phase


@pytest.mark.parametrize(
    'words, said',
    [
        (['--minutes', '0'], 'more than 0'),
        (['--minutes', 'nan'], 'more than 0'),
        (['--minutes', '9', '--launcher', 'slurm'], 'SBATCH_ARGS'),
    ],
)
def test_minutes_that_mean_nothing(capsys, words, said):
    with pytest.raises(SystemExit) as end:
        main(['a.py', '--methods', 'cps', *words])
    assert end.value.code == 2 and said in capsys.readouterr().err


def test_runs_on_one_gpu_see_it_all(tmp_path, monkeypatch):
    seen = []
    process = SimpleNamespace(poll=lambda: 1)
    monkeypatch.setattr(
        training_process, 'Popen', lambda *_, env, **__: seen.append(env) or process
    )
    runs = []
    for name in 'abc':
        runs.append(TrainingProcess(Label(name, name), tmp_path / name, tmp_path, [], 10, 5))
    schedule.run_all(runs, lambda left: None, 0, ['1', '1'], 1)
    assert [env['CUDA_VISIBLE_DEVICES'] for env in seen] == ['1', '1', '1']


def test_a_terminal_shows_what_runs():
    runs = [Fake(name, 1, []) for name in ('first', 'second', 'third')]
    runs[0].phase, runs[1].phase = 'done', 'training'
    runs[1].seconds_left = lambda: 5.0
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100, _environ={})
    with make_display(runs, console, only_running=True) as display:
        display(None)
        written.truncate(0)
        display.progress.refresh()
    shown = written.getvalue()
    assert 'second' in shown and 'first' not in shown and 'third' not in shown
    assert '1 of 3 ended' in shown


def test_a_leafs_own_optimizer_of_a_part_is_compared(toy, tmp_path):
    base = SHAPES.parents[1] / 'adv_sem_seg/adv-sem-seg_unet-s2_1xb8+8-1k_shapes-30-64x64.py'
    leaf = tmp_path / 'fast.py'
    parts = 'dict(parts=dict(discriminator=dict(lr=0.5)))'
    leaf.write_text(f"_base_ = '{base}'\noptim_wrapper = dict(paramwise_cfg={parts})\n")
    paramwise = composed(toy, str(leaf)).optim_wrapper.paramwise_cfg
    assert paramwise.parts.discriminator.lr == 0.5
