"""Memory that is left, by files as Linux has them."""

import pytest

from espnet2.runtime import memory
from espnet2.runtime.memory import UNKNOWN, available_memory

GB = 10**9
KIB = 1024
MACHINE = {"proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n"}
STAT = (
    "anon 5\nactive_file 200000000\ninactive_file 300000000\n"
    "total_active_file 150000000\ntotal_inactive_file 100000000\n"
)


def group(base, limit, used, names=("memory.max", "memory.current")):
    return {f"sys/fs/cgroup/{base}{name}": str(value) for name, value in zip(names, (limit, used), strict=True)} | {
        f"sys/fs/cgroup/{base}memory.stat": STAT
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (MACHINE, 8000000 * KIB),
        ({**MACHINE, "proc/self/cgroup": "0::/\n", **group("", 2 * GB, GB)}, 1.5 * GB),
        ({**MACHINE, "proc/self/cgroup": "0::/a/b\n", **group("a/", 2 * GB, GB), **group("a/b/", 6 * GB, 0)}, 1.5 * GB),
        ({**MACHINE, "proc/self/cgroup": "0::/\n", **group("", "max", GB)}, 8000000 * KIB),
        ({**MACHINE, "proc/self/cgroup": "0::/../of/the/host\n", **group("", 3 * GB, GB)}, 2.5 * GB),
        (
            {
                **MACHINE,
                "proc/self/cgroup": "5:cpu:/\n4:memory:/job\n",
                **group("memory/job/", 2 * GB, GB, ("memory.limit_in_bytes", "memory.usage_in_bytes")),
            },
            1.25 * GB,
        ),
        (
            {
                **MACHINE,
                "proc/self/cgroup": "4:memory:/\n",
                **group("memory/", 2**63 - 4096, GB, ("memory.limit_in_bytes", "memory.usage_in_bytes")),
            },
            8000000 * KIB,
        ),
        ({**MACHINE, "proc/self/cgroup": "0::/\n", **group("", GB, 2 * GB)}, 0),
        ({**MACHINE, "proc/self/cgroup": "nonsense\n"}, 8000000 * KIB),
    ],
)
def test_the_least_that_is_left(files, expected, tmp_path):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert available_memory(tmp_path) == expected


def test_a_limit_of_the_process(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (4 * GB, 4 * GB))
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemAvailable: 8000000 kB\n", encoding="utf-8")
    (tmp_path / "proc" / "self" / "statm").write_text("1000 1 1\n", encoding="utf-8")
    assert 3.8 * GB < available_memory(tmp_path) < 4 * GB


def test_nothing_known(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_machine", lambda root: iter(()))
    assert available_memory(tmp_path) <= UNKNOWN


def test_of_this_machine():
    assert available_memory() > 10**7


def test_processes_divide_the_memory(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 8 * GB)
    monkeypatch.setattr(memory, "_processes", 1)
    assert memory.usable_memory() == 4 * GB
    memory.share_memory(4)
    assert memory.usable_memory() == GB
