"""Tables of positions that end: found where a module reads a part of a table, and tried with input one longer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from torch._subclasses.fake_tensor import FakeTensorMode

from espnet2.export.doctor.cases import case_of, is_declared, times_of
from espnet2.export.doctor.diagnosis import Diagnosis
from espnet2.export.doctor.explain import Explained
from espnet2.export.doctor.patient import Patient, tensors_of

LONGEST = 20_000  # rows of tables that are tried
TOO_LONG = re.compile("size of tensor|Sizes of tensors|broadcast|expand|exceeds dimension size")


def limits(patient: Patient, base: int) -> Iterator[Diagnosis]:
    """Advice about tables that input of any length leaves behind."""
    if is_declared(patient.component) or not times_of(patient.component):
        return
    for table in patient.tables:
        seen = f"input of more than {table.rows} positions fails"
        if table.rows <= LONGEST and (table.embedding or _fails(patient, table.rows, base, table.read)):
            yield Diagnosis.of(Explained("position_table", table.frame), seen, fails=False)


def _fails(patient: Patient, rows: int, base: int, read: int) -> bool:
    """Whether input fails for which the table is too short; shapes alone are computed."""
    base = -(-(rows + 1) * base // max(read, 1))
    given = tensors_of(case_of(patient.component, "", base, batch=2).feeds)
    patient.memory.restore()
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    logger.disabled = True  # it logs the tracebacks of errors that it raises, too
    try:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            patient.results({name: mode.from_tensor(value) for name, value in given.items()})
        return False
    except RuntimeError as error:
        return TOO_LONG.search(str(error)) is not None
    except Exception:  # values are asked for, which these tensors lack
        return False
    finally:
        logger.disabled = False
        patient.memory.restore()
