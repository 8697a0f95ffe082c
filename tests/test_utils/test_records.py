import pytest

from semiseg_mm.errors import UserError
from semiseg_mm.utils import read_lines, read_record


def test_no_file_is_an_empty_record(tmp_path):
    assert read_record(str(tmp_path / 'record.json'), 'never said') == {}


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('{"x"', 'cannot be read'),
        ('[' * 100_000, 'cannot be read'),
        ('[]', 'is no record'),
        ('{"x": 1}', 'has no status'),
        ('{"status": 1}', 'holds something strange as status'),
    ],
)
def test_damage_is_a_sentence_with_what_to_do(text, says, tmp_path):
    file = tmp_path / 'record.json'
    file.write_text(text)
    with pytest.raises(UserError, match=rf'record.json {says}.*: remove it\.$'):
        read_record(str(file), 'remove it', dict(status=str))


def test_what_is_whole_is_read(tmp_path):
    (tmp_path / 'record.json').write_text('{"status": "done"}')
    assert read_record(str(tmp_path / 'record.json'), '', dict(status=str)) == {'status': 'done'}


def test_lines_that_hold_no_object_are_numbered(tmp_path):
    """A process may be killed in the middle of a line, and the next call goes on behind it."""
    file = tmp_path / 'scalars.json'
    file.write_bytes(b'{"iter": 1}\n{"iter": 2, "ti\n\n7\n\xff\xfe\n{"iter": 3}\n{"it')
    assert read_lines(file) == ([{'iter': 1}, {'iter': 3}], [2, 4, 5, 7])
