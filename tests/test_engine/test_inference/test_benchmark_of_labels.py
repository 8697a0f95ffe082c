from semiseg_mm.apis.benchmark import run_benchmark


def test_it_prints_what_was_measured(capsys):
    """Runs, on few images; what the figures are is for people to read, not for a test."""
    assert run_benchmark(['labels', '--rounds', '1', '--images', '2', '--batch-size', '2']) == 0
    printed = capsys.readouterr().out
    for words in ('one step after the other', 'predict_labels, 1 workers', 'softmax and argmax'):
        assert words in printed
