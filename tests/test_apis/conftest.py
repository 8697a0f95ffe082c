import pytest
from processes import ForkedPopen

from semiseg_mm.apis.processes import training_process as training


@pytest.fixture(scope='module')
def forked_trainings():
    """The processes that compare and quickstart start are forked: no import is repeated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, 'Popen', ForkedPopen)
        yield
