"""Make test/golden/g2p.json: upstream ESPnet's phonemes of texts.

Run in an environment with upstream ESPnet, pypinyin, jamo, pyopenjtalk and phonemizer (with the library of espeak-ng),
from the repository's root: python tools/make_g2p_golden.py
Open JTalk's labels are stored with the phonemes, so that tests need no such package.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]

import pyopenjtalk  # noqa: E402

from espnet2.text.phoneme_tokenizer import PhonemeTokenizer, g2p_choices  # noqa: E402

CHINESE = (
    "卡尔普陪外孙玩滑梯。",
    "你好！ABC 123 儿 女 乌鱼 吗",
    "云 院#1吃饭 x y",
    "句去雪月圆用微问嗯诶",
    "dag 10, -",
)
JAPANESE = ("昔は、俺も若かった", "元気？ABC。", "")
KOREAN = ("나는 학생이다.", "이것은 123 a! 값", "  ㄱ 가 ")
ESPEAK = {
    "arabic": "السلام عليكم",
    "german": "Das hört sich gut an.",
    "french": "Bonjour le monde.",
    "spanish": "Hola , x",
    "russian": "Привет мир.",
    "greek": "Γειά σου Κόσμε.",
    "finnish": "Hei maailma.",
    "hungarian": "Helló Világ.",
    "dutch": "Hallo Wereld.",
    "english_us_vits": "Hello, World. It's 12!",
    "hindi": "नमस्ते दुनिया",
    "italian": "Ciao mondo.",
    "polish": "Witaj świecie.",
}
TEXTS = {"pypinyin": CHINESE, "pyopenjtalk": JAPANESE, "korean": KOREAN}


def texts(name: str) -> tuple[str, ...]:
    language = name.removeprefix("espeak_ng_")
    if language in ESPEAK:
        return (ESPEAK[language],)
    return next((texts for family, texts in TEXTS.items() if name.startswith(family)), ())


def main() -> None:
    rows = []
    for name in g2p_choices:
        found = () if name is None else texts(name)
        rows += [[name, text, PhonemeTokenizer(name).text2tokens(text)] for text in found]
    japanese = {
        text: [
            pyopenjtalk.extract_fullcontext(text),
            pyopenjtalk.g2p(text, kana=False),
            pyopenjtalk.g2p(text, kana=True),
        ]
        for text in JAPANESE
    }
    content = {"choices": g2p_choices, "rows": rows, "japanese": japanese}
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    (ROOT / "test" / "golden" / "g2p.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
