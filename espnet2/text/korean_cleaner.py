"""Normalisation of Korean texts: Latin letters and digits are spelled out."""

from __future__ import annotations

import string

LETTERS = "에이 비 씨 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 알 에스 티 유 브이 더블유 엑스 와이 지"
DIGITS = "영 일 이 삼 사 오 육 칠 팔 구"
READINGS = f"{LETTERS} {LETTERS} {DIGITS}".split()
KOREAN = str.maketrans(dict(zip(string.ascii_letters + string.digits, READINGS, strict=True)))


class KoreanCleaner:
    """Cleaner of Korean texts."""

    @classmethod
    def normalize_text(cls, text: str) -> str:
        """Replace Latin letters and digits by their names, and strip spaces at the ends."""
        return text.strip().translate(KOREAN)
