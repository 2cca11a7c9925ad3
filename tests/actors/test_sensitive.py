"""What is found in a text: payment and personal data, and nothing else (M3-M5, M7)."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from actors import sensitive
from actors.masking import Masking
from actors.sensitive import GROUPS_MAX, IBAN_LENGTHS, IBANS_MAX, Kind, find

EVERYTHING = Masking(payment=True, personal=True)
CARDS = {
    "4111111111111111": "Visa",
    "4222222222222": "Visa with 13 digits",
    "5555555555554444": "Mastercard",
    "2223003122003222": "Mastercard of the newer range",
    "378282246310005": "American Express",
    "30569309025904": "Diners Club",
    "6011111111111117": "Discover",
    "3530111333300000": "JCB",
    "6759649826438453": "Maestro",
    "630427373398": "Maestro with 12 digits",
    "6240008631401148": "UnionPay",
    "4131034282458809939": "Visa with 19 digits",
    "2200770239097761": "Mir",
}


def kinds(text: str) -> list[str]:
    return [found.kind.value for found in find(text)]


def data(text: str) -> list[str]:
    return [text[found.start : found.end] for found in find(text)]


@pytest.mark.rule("M3")
@pytest.mark.parametrize("number", CARDS, ids=CARDS.get)
@pytest.mark.parametrize("around", ["{}", "my card {}, please", "card{}", "CARD-{}.", "卡号{}，谢谢", "({})"])
def test_a_card_number_is_found_whatever_stands_around_it(number: str, around: str) -> None:
    assert kinds(around.format(number)) == ["card"]


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    "written",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111\u20131111\u20131111\u20131111",
        "４１１１ １１１１ １１１１ １１１１",
        "٤١١١ ١١١١ ١١١١ ١١١١",
        "3782 822463 10005",
        "41111111 11111111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    ],
)
def test_a_card_number_is_found_however_its_digits_are_grouped_and_written(written: str) -> None:
    assert data(f"it is {written}, thanks") == [written]


@pytest.mark.rule("M3")
def test_the_number_on_the_card_goes_before_what_is_written_beside_it() -> None:
    assert EVERYTHING.text("123 4111 1111 1111 1111 12 27") == "123 **************** 12 27"
    assert EVERYTHING.text("4111 1111 1111 1111 5555 5555 5555 4444") == "**************** ****************"


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "411111111111111141111111111111114111",
        "U4111111111111111",
        "at 1650000000001 ms",
        "1111 2222 3333 4444",
    ],
)
def test_what_fails_the_check_or_is_part_of_something_longer_is_no_card_number(text: str) -> None:
    assert "card" not in kinds(text)


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    "iban",
    [
        "GB56HXDO88167774656119",
        "gb42nawi04454264788619",
        "DE89 3704 0044 0532 0130 00",
        "DE89-3704-0044-0532-0130-00",
        "NO93 8601 1117 947",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
        "UA21 3223 1300 0002 6007 2335 6600 1",
    ],
)
def test_an_iban_is_found_in_one_piece_or_in_groups(iban: str) -> None:
    assert data(f"transfer to {iban}, please") == [iban]
    assert EVERYTHING.text(f"to {iban} now") == f"to {'*' * len(iban.replace(' ', '').replace('-', ''))} now"


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    "text", ["GB57HXDO88167774656119", "XX56HXDO88167774656119", "GB56HXDO881677746561190"]
)
def test_a_wrong_check_an_unknown_country_or_another_length_is_no_iban(text: str) -> None:
    assert "iban" not in kinds(text)


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.data())
def test_every_country_s_ibans_are_found(country: str, given_data: st.DataObject) -> None:
    length = IBAN_LENGTHS[country] - 4
    account = given_data.draw(st.text("0123456789", min_size=length, max_size=length))
    check = 98 - int("".join(str(int(c, 36)) for c in f"{account}{country}00")) % 97
    iban = f"{country}{check:02}{account}"
    spaced = " ".join(iban[place : place + 4] for place in range(0, len(iban), 4))
    assert data(f"IBAN: {iban}.") == [iban]
    assert data(f"IBAN: {spaced}.") == [spaced]


@pytest.mark.rule("M3")
@pytest.mark.parametrize("text", ["514-69-0360", "SSN 514 69 0360", "my social security number is 514690360"])
def test_a_social_security_number_is_hidden(text: str) -> None:
    assert kinds(text) == ["social_security"]
    assert not any(character.isdigit() for character in EVERYTHING.text(text))


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    "number", ["000-12-3456", "666-12-3456", "912-12-3456", "514-00-0360", "514-69-0000"]
)
def test_numbers_that_are_never_given_out_are_no_social_security_numbers(number: str) -> None:
    assert kinds(number) == []


@pytest.mark.rule("M5")
@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("melissa@gmail.com", "m******@gmail.com"),
        ("a@b.io", "a@b.io"),
        ("first.last+tag@mail.example.co.uk", "f*************@mail.example.co.uk"),
        ("<jörg@firma.de>", "<j***@firma.de>"),
        ("mailto:anna@example.com?subject=x", "mailto:a***@example.com?subject=x"),
        ("我的邮箱是abc@qq.com谢谢", "我的邮箱是a**@qq.com谢谢"),
        ("13123456789@qq.com", "1**********@qq.com"),
        ("one@x.com,two@y.com", "o**@x.com,t**@y.com"),
        ("ann@[192.168.0.1]", "a**@[192.168.0.1]"),
        ("ａｎｎ＠ｘ．ｃｏｍ", "ａ**＠ｘ．ｃｏｍ"),
        ("ann@x。com", "a**@x。com"),
        ("an\u200bn@x.com", "a***@x.com"),
        ("https://x.com/?email=ann%40x.com&y=1", "https://x.com/?email=a**%40x.com&y=1"),
    ],
)
def test_an_email_address_keeps_its_first_character_and_its_domain(written: str, seen: str) -> None:
    assert EVERYTHING.text(written) == seen


@pytest.mark.rule("M3")
@pytest.mark.parametrize("between", ["-", ".", ""])
@pytest.mark.parametrize("number", ["4111111111111111", "4111-1111-1111-1111", "07966197542"])
def test_a_number_right_after_an_address_is_no_part_of_its_domain(number: str, between: str) -> None:
    seen = EVERYTHING.text(f"ann@x.com{between}{number}")
    assert seen.startswith("a**@x.com")
    assert "1111" not in seen
    assert "07966" not in seen


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("https://x.com/?tel=%2B447966197542", "https://x.com/?tel=%2*********7542"),
        ("https://x.com/?q=4111%201111%201111%201111", "https://x.com/?q=****************"),
        ("https://x.com/?q=100%25", "https://x.com/?q=100%25"),
    ],
)
def test_numbers_in_addresses_of_pages_are_found_as_they_are_encoded_there(address: str, seen: str) -> None:
    assert EVERYTHING.text(address) == seen


@pytest.mark.parametrize("text", ["hello @support", "at 5@3", "name@company", "@", "a@@b.c", "100 @ 5.00"])
def test_an_at_sign_alone_makes_no_email_address(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.rule("M4")
@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("+ 1 (123) 456 7890", "**********7890"),
        ("+447966197542", "*********7542"),
        ("+44 7966 197542", "*********7542"),
        ("\u202a+1\u00a0650\u2011253\u20110000\u202c", "\u202a**********0000\u202c"),
    ],
)
def test_a_phone_number_loses_its_spaces_and_keeps_its_last_four_characters(written: str, seen: str) -> None:
    assert EVERYTHING.text(written) == seen


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    "number",
    [
        "+46 (0)8 928 571 38",
        "001-518-640-0854",
        "(579)888-3058",
        "(071) 4233-6306",
        "905-674-3793",
        "259.735.7502x459",
        "01.84.17.61.18",
        "60-56-85-91",
        "07700 063 966",
        "0490 75 40 81",
        "0961-7596216",
        "030/1234567",
        "8 (495) 123-45-67",
        "8 800 555 35 35",
        "+502 612345678",
        "13123456789",
        "131 2345 6789",
        "380501234567",
        "0501234567",
        "9841234567",
        "2015550123",
    ],
)
@pytest.mark.parametrize("around", ["{}", "it is {} now", "（{}）", "a, {}; b", "{}, {}"])
def test_a_phone_number_is_found_as_people_of_many_countries_write_it(number: str, around: str) -> None:
    text = around.format(number, number)
    assert data(text) == [number] * text.count(number)


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    "text",
    [
        "call me on 450 0840",
        "Phone: 467 3395",
        "9498777106 fax",
        "тел. 1234567",
        "电话12345678",
        "780 6326-Office",
    ],
)
def test_fewer_digits_are_a_phone_number_where_a_word_says_so(text: str) -> None:
    assert kinds(text) == ["phone"]


@pytest.mark.rule("M3")
@pytest.mark.parametrize(
    "text",
    [
        "order 4512345678 and invoice no. 2015550123",
        "Order #1234567890",
        "order number is 905-674-3793",
        "订单号13123456789",
        "замовлення № 0501234567",
        "ORD-2024-123456 and A1234567",
        "2026-01-15, 15.01.2024, 1/15/24, 2026 01 15",
        "from 2024-01-15 14:30:00 to 2024-01-16 09:00:00",
        "2026-11-27T10:00:00.123456Z",
        "09:30-11:45, 12:00-13:00",
        "season 2019-2024, 2019 2024",
        "$1,299.00, 1 234 567,00 UAH, 12.345.678 €, 10 000 000 users, USD 1299.00, 1234567 元",
        "550e8400-e29b-41d4-a716-446655440000",
        "12345678-1234-1234-1234-123456789012",
        "deadbeef12345678",
        "192.168.100.200 and 10.0.0.1:8080, 91.189.91.15 80, 10.35.39.20-40",
        "sda5    32    2089    16525312   8e",
        "versions 12.10, 13.04. 12.10",
        "version 1.20.300.4000",
        "02139-4307",
        "https://shop.example/item/4155552671",
        "17151 2450 Crown Street",
        "1650000000 and 1650000000000",
        "3.14159265358979",
        "5551234",
        "978-3-16-148410-0",
        "size 38 40 42",
    ],
)
def test_orders_dates_times_amounts_and_identifiers_stay(text: str) -> None:
    assert EVERYTHING.text(text) == text, data(text)


@pytest.mark.rule("M3")
def test_each_switch_hides_its_own_and_mistakes_nothing_for_the_other_s() -> None:
    text = "4111 1111 1111 1111, ann@x.com, +447966197542, 514-69-0360"
    payment, personal = Masking(payment=True, personal=False), Masking(payment=False, personal=True)
    assert payment.text(text) == "****************, ann@x.com, +447966197542, *********"
    assert personal.text(text) == "4111 1111 1111 1111, a**@x.com, *********7542, 514-69-0360"


@given(st.text(max_size=300) | st.text("0123456789 -+().@ax/:,", max_size=300))
def test_any_text_can_be_masked_and_grows_by_nothing(text: str) -> None:
    seen = EVERYTHING.text(text)
    assert len(seen) <= len(text)
    assert len(seen.encode("utf-8", "surrogatepass")) <= len(text.encode("utf-8", "surrogatepass"))


@given(st.text("0123456789 -+().@ax/:,", max_size=100))
def test_what_is_found_lies_in_order_and_overlaps_nothing(text: str) -> None:
    found = find(text)
    assert all(each.start < each.end for each in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert {each.kind for each in found} <= set(Kind)


# Too much of it.

#: Messages of 64 KB of which each part has to be looked at closely.
HOSTILE = {
    "one long chain": "1 " * 32_768,
    "cards that are none": "4111 1111 1111 1112, " * 3_120,
    "phone numbers": "call 450 0840, " * 4_369,
    "nine digits": "ssn 123456789; " * 4_369,
    "IBANs that are none": "DE89 3704 0044 0532 0130 01, " * 2_260,
}


@pytest.mark.rule("M3", "M4")
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_of_a_text_full_of_numbers_so_many_are_looked_at_and_no_more(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: Counter[str] = Counter()
    for name in ("is_phone", "_cards", "_social_security", "_characters"):
        look = getattr(sensitive, name)

        def counted(*arguments: Any, name: str = name, look: Any = look) -> Any:
            looked_at[name] += 1
            return look(*arguments)

        monkeypatch.setattr(sensitive, name, counted)
    find(text)
    assert looked_at["_characters"] <= IBANS_MAX
    assert max(looked_at.values(), default=0) <= GROUPS_MAX


DIGITS = "1 2 3 4 5 6 7 8, " * (GROUPS_MAX // 8)
LIKE_IBANS = "GB00 aaaa aaaa aaaa aaaa aa, " * IBANS_MAX


@pytest.mark.rule("M3", "M4")
@pytest.mark.parametrize("switches", [{"payment": True}, {"personal": True}], ids=str)
@pytest.mark.parametrize(
    ("before", "number"),
    [
        (DIGITS, "4111 1111 1111 1111"),
        (DIGITS, "+44 20 7946 0958"),
        (LIKE_IBANS, "DE89 3704 0044 0532 0130 00"),
    ],
    ids=lambda text: text[:24],
)
def test_what_is_not_looked_at_any_more_is_hidden_whatever_it_is(
    before: str, number: str, switches: dict[str, bool]
) -> None:
    masking = Masking(**{"payment": False, "personal": False} | switches)
    hidden = "*" * sum(map(str.isalnum, number))
    assert masking.text(f"{before}{number}; and so on") == f"{before}{hidden}; and so on"


@pytest.mark.rule("M3")
def test_a_long_text_with_few_numbers_is_looked_at_to_its_end() -> None:
    text = "It was the best of times, in 1859. " * 900 + "4111 1111 1111 1111"
    assert kinds(text) == ["card"]
