"""Sizes of a bundle's modules: the table, and bundles that cannot be measured."""

import shutil

import pytest

from espnet2.bin.onnx_doctor import main
from espnet2.export.doctor.size import Row, table


def test_table():
    assert table([Row("encoder", 0.0125, 2000)]).splitlines()[1].split() == ["encoder", "12.500", "2.0"]


@pytest.mark.parametrize(
    ("graph", "message"), [("encodr", "--graph: expected one of encoder"), ("encoder", "export_onnx --debug writes")]
)
def test_bad_input(graph, message, demo_bundle, tmp_path, capsys):
    bundle = shutil.copytree(demo_bundle, tmp_path / "bundle")
    assert main(["size", str(bundle), "--graph", graph]) == 2
    assert message in capsys.readouterr().err
