"""YAML from strangers: what is returned can be formatted and walked through, anything else is one sentence."""

from itertools import pairwise

import pytest

from espnet2.interface.errors import ConfigError
from espnet2.interface.yaml_document import parse_yaml

pytestmark = pytest.mark.usefixtures("within_bounds")
TENS = "\n".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise("abcdefghij"))
MERGED = "\n".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 10)}]}}" for before, name in pairwise("abcdefghij")
)
HOSTILE = {
    "aliases of lists": (f"a: &a [x]\n{TENS}", "more than 400000 values, with those that aliases repeat"),
    "aliases of mappings": (f"a: &a {{x: 1}}\n{MERGED}", "more than 400000 values, with those that aliases repeat"),
    "aliases as a key": (f"a: &a [x]\n{TENS}\n? *j\n: 1", "more than 400000 values"),
    "itself": ("a: &a [*a]", "a list or mapping that has itself in it, line 1"),
    "itself, by way of another": ("a: &a {b: &b [*a]}", "has itself in it"),
    "itself as a key": ("&a {? *a : 1}", "has itself in it"),
    "hexadecimal digits": (f"a: 0x{'f' * 6000}", "a number of 6002 characters, line 1"),
    "sixties": (f"a: 1{':59' * 100_000}", "a number of 300001 characters, line 1"),
    "binary digits": (f"a: 0b{'1' * 100_000}", "a number of 100002 characters"),
    "a float": (f"a: {'1' * 100_000}.5", "a number of 100002 characters"),
    "many values": ("- 1\n" * 500_000, "more than 400000 values"),
    "many keys": ("a: 1\n" * 250_000, "more than 400000 values"),
    "many mappings": ("- [" + "{a: 1}, " * 120_000 + "]", "more than 400000 values"),
    "brackets": ("[" * 200, "more than 100 levels, line 1"),
    "indentation": ("\n".join(" " * depth + "a:" for depth in range(500)), "more than 100 levels"),
    "keys of one hash": (
        "a: {" + ", ".join(f"{number * (2**61 - 1)}: 1" for number in range(9000)) + "}",
        "more than 4096 keys that are no texts, line 1",
    ),
    "Python": ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
    "nothing as a number": ("a: !!int ''", "found: a value that is not of the kind that its tag says"),
    "no truth value": ("a: !!bool x", "that its tag says"),
    "no date": ("a: !!timestamp x", "that its tag says"),
    "an unknown alias": ("a: *b", "found: undefined alias"),
    "a mapping as a key": ("? {a: 1}\n: b", "found: a list or mapping as a key, line 1"),
    "control characters": ("a: \x1b[2J", "control characters are not allowed"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents(name):
    text, found = HOSTILE[name]
    with pytest.raises(ConfigError, match=r"^c\.yaml: expected plain YAML, found: ") as error:
        parse_yaml(text, "c.yaml", ConfigError)
    assert found in str(error.value)


def test_aliases_in_their_usual_place():
    text = "base: &base {size: 4, rates: &rates [8000, 16000]}\nown: {<<: *base, size: 8}\nrates: *rates"
    found = parse_yaml(text, "c.yaml", ConfigError)
    assert found["own"] == {"size": 8, "rates": [8000, 16000]}
    assert found["rates"] is found["base"]["rates"]


@pytest.mark.parametrize("text", ["0x1F", "1:30", "0b11", "1_000", "-3", "1.5e+3", ".inf", "0o14", "1.5"])
def test_numbers_are_those_of_the_safe_loader(text):
    import yaml

    assert parse_yaml(text, "c.yaml", ConfigError) == yaml.safe_load(text)


def test_a_limit_is_raised_by_a_variable(monkeypatch):
    monkeypatch.setenv("ESPNET_NUMBER_DIGITS", "5")
    with pytest.raises(ConfigError, match="a number of 6 characters"):
        parse_yaml("a: 123456", "c.yaml", ConfigError)
    monkeypatch.setenv("ESPNET_NUMBER_DIGITS", "7000")
    assert parse_yaml("a: 123456", "c.yaml", ConfigError) == {"a": 123456}
    monkeypatch.setenv("ESPNET_NUMBER_DIGITS", "5")
    with pytest.raises(ConfigError, match="a number of 6 characters"):
        parse_yaml("a: 123456", "c.yaml", ConfigError)


def test_what_is_made_of_a_document_does_not_change_the_next_reading_of_it():
    text = "a: {b: [1, 2]}"
    first = parse_yaml(text, "c.yaml", ConfigError)
    first["a"]["b"].append(3)
    assert parse_yaml(text, "d.yaml", ConfigError) == {"a": {"b": [1, 2]}}
