"""The message of an error without what differs from one occurrence to the next.

As lib/fingerprint_message.c does it, byte for byte; the rules stand in lib/fingerprint.h. Texts are
UTF-8.
"""

import re

_LOOKED_AT_MAX = 1024
_HEX_ID_MIN = 8  # letters and digits of an id: all hexadecimal, one of them a digit
_MIXED_ID_MIN = 6  # digits, letters, digits
_LONG_ID_MIN = 32  # one of them a digit

_SPACE = bytes(range(0x21)) + b"\x7f"  # and control characters
_PUNCTUATION = b",;.:!?"  # of a sentence, behind a word
_DIGITS = b"0123456789"
_METHODS = (b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS")

# Up to a space, a bracket and the like, or the first byte of a quote.
_chunk = re.compile(rb"[^\x00-\x20\x7f()\[\]{}<>|=,;\"'`\xc2\xe2]*").match
_path = re.compile(rb"[^\x00-\x20\x7f()\[\]{}<>|,;\"'`]*").match

_word = re.compile(rb"[A-Za-z0-9]*").match
_letters = re.compile(rb"[A-Za-z]+").match
_others = re.compile(rb"[^A-Za-z0-9+-]+").match  # neither words nor signs
_digits = re.compile(rb"[0-9]*").match
_word_number = re.compile(rb"[0-9](?:[0-9]|[.:](?=[0-9]))*").match
_digit_groups = re.compile(rb"[0-9]+").findall
_is_hex = re.compile(rb"[0-9A-Fa-f]+").fullmatch
_has_digit = re.compile(rb"[0-9]").search
_needs_care = re.compile(rb"[0-9+-]").search

# A number, date, time, address, version, duration, size.
_number = re.compile(
    rb"(?:[A-Za-z0-9_]|[.:](?=[0-9])|[-+](?=[A-Za-z0-9])|\xc2\xb5s|\xce\xbcs)*"
).match
_uuid = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![A-Za-z0-9])").match
_ipv6 = re.compile(rb"[0-9A-Fa-f:.]*").match
_email = re.compile(
    rb"[A-Za-z0-9_\x80-\xff.+%-]+@[A-Za-z0-9_\x80-\xff.-]+\.[A-Za-z][A-Za-z0-9_\x80-\xff-]+"
).fullmatch
_scheme = re.compile(rb"[A-Za-z0-9+.-]+://").match
_host = re.compile(rb"[^/?#]*").match
_begins_path = re.compile(
    rb"[A-Za-z]:(?:\\[^/]|/[^/])|/[A-Za-z0-9_\x80-\xff.]|\.\.?/|~/|\\\\"
).match

# Whether it is of a word, where it matters to a quote beside it: of Latin, Greek, Cyrillic letters
# and the like, not of scripts without spaces.
_BESIDE = rb"[A-Za-z0-9_\xc3-\xdf]"
_is_beside = frozenset(c for c in range(256) if re.match(_BESIDE, bytes([c])))
_is_word = frozenset(c for c in range(256) if re.match(rb"[A-Za-z0-9_\x80-\xff]", bytes([c])))


def _quotes(opening: str, *closing: str) -> tuple[bytes, "re.Pattern[bytes]"]:
    """How a quote begins, and what matches from there to its end. A single one closes only before
    what is no word: 'O'Brien'."""
    ends = b"|".join(
        re.escape(c.encode()) + (b"(?!%s)" % _BESIDE if c == "'" else b"") for c in closing
    )
    inside = rb"(?:(?!%s)[^\\]|\\[\x00-\xff])*" % ends
    if opening == closing[0] == '"':
        inside = rb'[^"\\]*(?:\\[\x00-\xff][^"\\]*)*'  # the same, faster
    begin = opening.encode()
    return begin, re.compile(re.escape(begin) + inside + b"(?:" + ends + b")", re.DOTALL)


_QUOTES = (
    _quotes('"', '"'),
    _quotes("'", "'"),
    _quotes("`", "`", "'"),
    _quotes("«", "»"),
    _quotes("“", "”"),
    _quotes("„", "“", "”"),
    _quotes("‘", "’"),
)
_QUOTE_BYTES = frozenset(begin[0] for begin, _ in _QUOTES)


def message_of(text: bytes, most: int) -> bytes:
    """The normalised first line, at most so many bytes, cut at a character's border."""
    return _Message(_first_line(text), most).normalised()


def _first_line(text: bytes) -> bytes:
    """As far as it is looked at."""
    text = text.lstrip(_SPACE)
    if len(text) > _LOOKED_AT_MAX:
        text = text[: border(text, _LOOKED_AT_MAX)]
    return text.partition(b"\n")[0]


def border(text: bytes | bytearray, at: int) -> int:
    """The begin of the character at this place, which is not the end."""
    while at > 0 and text[at] & 0xC0 == 0x80:
        at -= 1
    return at


class _Message:
    def __init__(self, text: bytes, most: int) -> None:
        self._text = text
        self._end = len(text)
        self._at = 0
        self._most = most
        self._out = bytearray()
        self._star = 0  # behind the last placeholder; 0: something else was written since
        self._unclosed: set[int] = set()  # kinds of quotes that have no end any more
        self._is_route = False  # the word before was an HTTP method

    def normalised(self) -> bytes:
        text, end, out = self._text, self._end, self._out
        while self._at < end and len(out) <= self._most:
            c = text[self._at]
            if c <= 0x20 or c == 0x7F:
                if out and out[-1] != 0x20:
                    out.append(0x20)
                self._at += 1
            elif not self._take_quotation() and not self._take_ipv6():
                self._take_chunk()
        if len(out) > self._most:
            del out[border(out, self._most) :]
        return bytes(out).rstrip(b" ")

    def _put(self, text: bytes) -> None:
        """Not of commas and spaces only: those keep placeholders together."""
        if len(self._out) <= self._most:
            self._star = 0
            self._out += text
            del self._out[self._most + 1 :]

    def _put_star(self) -> None:
        """A placeholder; several with nothing but commas and spaces between them are one."""
        if self._star > 0:
            del self._out[self._star :]
        elif len(self._out) <= self._most:
            self._out += b"*"
        self._star = len(self._out)

    # Quotes

    def _is_behind_word(self, at: int) -> bool:
        if at == 0:
            return False
        return self._text[border(self._text, at - 1)] in _is_beside

    def _opens(self, at: int) -> bool:
        """Whether a single quote is none within a word, as in can't, O'Brien; b'…' is Python's."""
        if not self._is_behind_word(at):
            return True
        return self._text[at - 1] in b"bur" and not self._is_behind_word(at - 1)

    def _quote_at(self, at: int) -> int | None:
        """The kind of the quote that opens here."""
        text = self._text
        if text[at] not in _QUOTE_BYTES:
            return None
        for kind, (begin, _) in enumerate(_QUOTES):
            if text.startswith(begin, at):
                if kind in self._unclosed or (begin == b"'" and not self._opens(at)):
                    return None
                return kind
        return None

    def _take_quotation(self) -> bool:
        """One without an end is remembered, so that no text is searched twice."""
        kind = self._quote_at(self._at)
        if kind is None:
            return False
        quotation = _QUOTES[kind][1].match(self._text, self._at)
        if quotation is None:
            self._unclosed.add(kind)
            return False
        self._put_star()
        self._at = quotation.end()
        if self._text.startswith((b"...", "…".encode()), self._at):  # it was cut
            self._at += 3
        return True

    # Chunks: what has neither spaces nor brackets nor quotes

    def _take_chunk(self) -> None:
        text, begin = self._text, self._at
        end = self._without_punctuation(begin, self._chunk_end())
        if end == begin:
            if text[begin] == 0x2C:  # a comma
                if len(self._out) <= self._most:
                    self._out += b","
            else:
                self._put(text[begin : begin + 1])
            self._at += 1
            return
        chunk = text[begin:end]
        if (b"@" in chunk and _email(chunk)) or (b":" in chunk and _is_ipv6(text, begin, end)):
            self._put_star()
            self._at = end
        elif not self._take_url() and not self._take_path():
            self._take_words(end)
        self._is_route = chunk in _METHODS

    def _chunk_end(self) -> int:
        text = self._text
        match = _chunk(text, self._at)
        assert match is not None
        at = match.end()
        while at < self._end and text[at] in _QUOTE_BYTES and self._quote_at(at) is None:
            match = _chunk(text, at + 1)
            assert match is not None
            at = match.end()
        return at

    def _path_end(self) -> int:
        """The same for paths and URLs, which may hold more."""
        match = _path(self._text, self._at)
        assert match is not None
        return self._without_punctuation(self._at, match.end())

    def _without_punctuation(self, begin: int, end: int) -> int:
        text = self._text
        while end > begin and text[end - 1] in _PUNCTUATION:
            end -= 1
        return end

    def _take_ipv6(self) -> bool:
        """[::1] and [::1]:5432."""
        text, at = self._text, self._at
        if text[at] != 0x5B:
            return False
        end = text.find(b"]", at)
        if end < 0 or not _is_ipv6(text, at + 1, end):
            return False
        self._put_star()
        self._at = end + 1
        if text.startswith(b":", self._at) and text[self._at + 1 : self._at + 2].isdigit():
            port = _digits(text, self._at + 1)
            assert port is not None
            self._at = port.end()
        return True

    def _take_url(self) -> bool:
        """Its scheme and host stay."""
        text = self._text
        scheme = _scheme(text, self._at)
        if scheme is None:
            return False
        end = self._path_end()
        begin = scheme.end()
        if end < begin:
            return False
        self._take_words(begin)
        host = _host(text, begin, end)
        assert host is not None
        host_end = host.end()
        user_end = text.rfind(b"@", begin, host_end)
        self._at = begin if user_end < 0 else user_end + 1
        self._take_words(host_end)
        if host_end < end:
            self._put(b"/")
            self._put_star()
        self._at = end
        return True

    def _take_path(self) -> bool:
        """A file's; what follows an HTTP method is a route and stays."""
        if self._is_route or not _begins_path(self._text, self._at):
            return False
        self._put_star()
        self._at = self._path_end()
        return True

    # Words

    def _take_words(self, end: int) -> None:
        at = self._at
        if _needs_care(self._text, at, end) is None and at < end:
            self._put(self._text[at:end])
            at = end
        while at < end:
            at = self._take_word(at, end)
        self._at = at

    def _take_word(self, at: int, end: int) -> int:
        """A word, or a number, or what is neither."""
        text = self._text
        others = _others(text, at, end)
        if others is not None:
            self._put(others.group())
            return others.end()
        c = text[at]
        is_first = at == 0 or text[at - 1] not in _is_word or text[at - 1] == 0x5F
        if c in b"+-":
            if not is_first or at + 1 == end or text[at + 1] not in _DIGITS:
                self._put(text[at : at + 1])
            return at + 1
        if is_first and (uuid := _uuid(text, at, end)) is not None:
            self._put_star()
            return uuid.end()
        match = _number(text, at, end) if is_first and c in _DIGITS else _word(text, at, end)
        assert match is not None
        if not (is_first and c in _DIGITS) and not self._is_id(at, match.group()):
            return self._put_word(at, match.end(), end)
        self._put_star()
        return match.end()

    def _is_id(self, at: int, word: bytes) -> bool:
        """Whether letters and digits together are one."""
        groups = len(_digit_groups(word))
        if groups == 0:
            return False
        is_address = at > 0 and self._text[at - 1] == 0x40  # Java's Order@1b6d3586
        size = len(word)
        return (
            ((size >= _HEX_ID_MIN or is_address) and _is_hex(word) is not None)
            or (size >= _MIXED_ID_MIN and groups > 1)
            or size >= _LONG_ID_MIN
        )

    def _put_word(self, at: int, end: int, limit: int) -> int:
        """Without its digits: user42, v1.2.3."""
        while at < end:
            if (letters := _letters(self._text, at, end)) is not None:
                self._put(letters.group())
                at = letters.end()
                continue
            number = _word_number(self._text, at, limit)
            assert number is not None
            self._put_star()
            at = number.end()
        return at


def _is_ipv6(text: bytes, begin: int, end: int) -> bool:
    """2001:db8::1, ::1, with a zone or not."""
    match = _ipv6(text, begin, end)
    assert match is not None
    address = match.group()
    return (
        (match.end() == end or text[match.end()] == 0x25)
        and address.count(b":") >= 2
        and _has_digit(address) is not None
    )
