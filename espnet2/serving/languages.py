"""Languages by their codes of two letters (ISO 639-1), which OpenAI's clients send, for models that have three."""

from __future__ import annotations

from collections.abc import Collection

# Code of ISO 639-1:code of ISO 639-3, of macrolanguages their own.
_PAIRS = """
ab:abk af:afr am:amh ar:ara as:asm ay:aym az:aze ba:bak be:bel bg:bul bm:bam bn:ben bo:bod br:bre bs:bos ca:cat ce:che
cs:ces cv:chv cy:cym da:dan de:deu dv:div el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas ff:ful fi:fin fo:fao fr:fra
fy:fry ga:gle gl:glg gn:grn gu:guj ha:hau he:heb hi:hin hr:hrv ht:hat hu:hun hy:hye ia:ina id:ind ig:ibo is:isl it:ita
ja:jpn jv:jav ka:kat kk:kaz km:khm kn:kan ko:kor ku:kur ky:kir la:lat lb:ltz lg:lug ln:lin lo:lao lt:lit lv:lav mg:mlg
mi:mri mk:mkd ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya nb:nob ne:nep nl:nld nn:nno no:nor ny:nya oc:oci om:orm or:ori
os:oss pa:pan pl:pol ps:pus pt:por qu:que rm:roh ro:ron ru:rus rw:kin sa:san sc:srd sd:snd si:sin sk:slk sl:slv sn:sna
so:som sq:sqi sr:srp su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn tr:tur tt:tat tw:twi
ug:uig uk:ukr ur:urd uz:uzb vi:vie wo:wol xh:xho yi:yid yo:yor zh:zho zu:zul
"""
CODES = dict(pair.split(":") for pair in _PAIRS.split())


def known_language(language: str | None, tokens: Collection[str]) -> str | None:
    """The name of a language among the tokens of a model: itself, or its code of three letters for one of two."""
    name = (language or "").strip("<>")
    code = CODES.get(name.lower(), name)
    return code if f"<{name}>" not in tokens and f"<{code}>" in tokens else language
