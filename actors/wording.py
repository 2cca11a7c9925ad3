"""What people write beside a number, and what it says of it: that it is a phone's, or an order's. Pure.

The languages are those of the examples at hand; another one is some more words here.
"""

from __future__ import annotations

import re

#: How far back a word may be that says what a number is.
BEFORE_LENGTH = 40

_WORDS = re.compile(r"[^\W\d_]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words, beginnings of words, and signs of scripts without spaces that speak of phones.
_PHONE_WORDS = _words(
    "phone call calls called calling tel cell cellphone fax sms text dial ring reach contact answering "
    "whatsapp viber telegram mob тел"
)
_PHONE_BEGINNINGS = (
    *("telephone", "phone", "mobile", "mobil", "телефон", "номер", "звон", "дзвон", "зателефон", "моб"),
    *("telefon", "teléfono", "téléphone", "handy", "nummer", "anruf", "portable", "appel", "móvil", "llám"),
    *("celular", "cellulare"),
)
_PHONE_SIGNS = ("电话", "手机", "联系", "致电", "拨打", "微信", "wa.me/", "t.me/")
#: These speak of phones only right before the number.
_PHONE_PLACES = _words("office desk home work")
_PHONE_FOLLOWS = re.compile(r"\W{0,2}(?:office|mobile|fax|cell|home|work|desk|phone)\b", re.IGNORECASE)

# What is numbered and is no phone.
_OTHER_WORDS = _words(
    "order orders invoice ticket case track tracking ref reference booking confirmation serial account item "
    "article product sku part model transaction receipt claim request policy contract parcel shipment isbn "
    "imei version zip pedido factura commande facture kundennummer"
)
_OTHER_BEGINNINGS = (
    *("замовлен", "заказ", "рахун", "счет", "счёт", "накладн", "квитанц", "bestell", "rechnung", "auftrag"),
)
_OTHER_SIGNS = ("订单", "单号", "编号", "快递", "运单", "订单号", "运单号", "订单号是", "单号是")
_OTHER_MARKS = frozenset("#№$€£¥₴₽₹=")
#: What may stand between, as in "order number is"; after the short ones a full stop as well.
_FILLERS = _words("number num no nr n id code is was are ist es est номер")
_STOPPED_FILLERS = _words("no nr num n")
_BETWEEN = frozenset(" \t:#№=-")
_BETWEEN_STOPPED = _BETWEEN | {"."}


def says_phone(before: str) -> bool:
    """Say whether what stands before a number speaks of a phone."""
    before = before.lower()
    words: list[str] = _WORDS.findall(before)
    if not words:
        return False
    if words[-1] in _PHONE_PLACES or not _PHONE_WORDS.isdisjoint(words):
        return True
    if any(word.startswith(_PHONE_BEGINNINGS) for word in words):
        return True
    return any(sign in before for sign in _PHONE_SIGNS)


def says_other(before: str) -> bool:
    """Say whether what stands right before a number says that it numbers something else."""
    if before.rstrip()[-1:] in _OTHER_MARKS:
        return True
    end = len(before)
    for match in reversed([*_WORDS.finditer(before.lower())]):
        word, between = match[0], set(before[match.end() : end])
        if not between <= (_BETWEEN_STOPPED if word in _STOPPED_FILLERS else _BETWEEN):
            return False
        if word in _OTHER_WORDS or word.startswith(_OTHER_BEGINNINGS) or word.endswith(_OTHER_SIGNS):
            return True
        if word not in _FILLERS:
            return False
        end = match.start()
    return False


def phone_follows(plain: str, end: int) -> bool:
    """Say whether what stands right after a number says that it is a phone's."""
    return _PHONE_FOLLOWS.match(plain, end) is not None
