"""One mutated callback, made from a seed and its number alone: the same again whenever asked.

`right` says whether the service may keep it: signed by the account's token over what it carries, in
time, for this account, and sealed where the server asks for it. Everything else must be refused,
whatever stands in it, and must leave nothing behind.
"""

import base64
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from app.core.settings import Account, MiniProgram, OfficialAccount
from app.wechat.signature import sign
from drills import fuzz_messages as messages

Server = Literal["strict", "plain"]
OA, MINI = OfficialAccount(), MiniProgram()
WHOLE, OFTEN, HALF, SELDOM = 0.9, 0.7, 0.5, 0.4
"""Shares of the cases in which something is done."""
QUERY_BYTES = frozenset(range(0x21, 0x7F)) - {ord("#")}
"""The rest cannot stand in a request line; `broken_frame` does that."""
OTHER_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
BLOCK = 32


@dataclass(frozen=True)
class Case:
    number: int
    server: Server
    method: str
    path: str
    query: bytes
    body: bytes
    right: bool
    kind: str
    """What was done to it, for the one who looks for the cause."""
    headers: bytes = b"Content-Type: text/xml\r\n"
    broken_frame: bool = False
    """The HTTP itself is wrong: the connection may be closed without an answer."""

    def wire(self) -> bytes:
        target = self.path.encode() + (b"?" + self.query if self.query else b"")
        length = b"" if self.broken_frame else b"Content-Length: %d\r\n" % len(self.body)
        head = b"%s %s HTTP/1.1\r\nHost: x\r\n" % (self.method.encode(), target)
        return head + self.headers + length + b"\r\n" + self.body


def case(seed: int, number: int) -> Case:
    chance = random.Random(f"{seed}:{number}")
    server: Server = chance.choice(("strict", "plain"))
    account: Account = chance.choice((OA, MINI))
    make = chance.choices(
        (inside_aes, plain_body, bad_sealing, forged, outside, echo, broken_frame),
        weights=(34, 14, 12, 18, 14, 4, 4),
    )[0]
    return make(server, account, number, chance)


Maker = Callable[[Server, Account, int, random.Random], Case]


def inside_aes(server: Server, account: Account, number: int, chance: random.Random) -> Case:
    """Signed and sealed as it should be; what is inside is not."""
    content = _content("RIGHT", account, number, chance)
    query, body = enclosed(account, seal(account, content), as_json=chance.random() < SELDOM)
    return _case(server, account, number, query, body, right=True, kind="inside")


def plain_body(server: Server, account: Account, number: int, chance: random.Random) -> Case:
    """Without AES: the business of the server that allows it, a forgery to the other."""
    right = server == "plain"
    content = _content("RIGHT" if right else "FORGED", account, number, chance)
    return _case(server, account, number, stamped(account), content, right=right, kind="plain body")


def bad_sealing(server: Server, account: Account, number: int, chance: random.Random) -> Case:
    """Signed, but what is signed was not sealed for this account, or not at all."""
    content = messages.as_xml(messages.message("FORGED", number, chance))
    other: Account = MINI if account is OA else OA
    ways: tuple[tuple[str, Callable[[], str]], ...] = (
            ("another appid inside", lambda: seal(account, content, appid=other.appid)),
            ("appid longer", lambda: seal(account, content, appid=account.appid + "0")),
            ("appid shorter", lambda: seal(account, content, appid=account.appid[:-1])),
            ("no appid", lambda: seal(account, content, appid="")),
            ("another key", lambda: seal(replaced_key(account), content)),
            ("the other's key", lambda: seal(other, content, appid=account.appid)),
            ("padding", lambda: seal(account, content, pad=chance.choice((0, 33, 99, 255)))),
            ("length", lambda: seal(account, content, length=chance.choice(
                (len(content) + 1, len(content) + 40, 2**31, 2**32 - 1)))),
            ("noise", lambda: base64.b64encode(chance.randbytes(chance.randint(0, 400))).decode()),
            ("no base64", lambda: chance.choice(("", "=", "é" * 40, "A" * 43, " " * 64))),
    )  # fmt: skip
    way, sealed = chance.choice(ways)
    query, body = enclosed(account, sealed(), as_json=chance.random() < SELDOM)
    return _case(server, account, number, query, body, right=False, kind=f"sealing: {way}")


def forged(  # noqa: C901  a list of ways, one after the other
    server: Server, account: Account, number: int, chance: random.Random
) -> Case:
    """Well made by somebody who has no token, no key, or only an old address."""
    sealed = seal(account, messages.as_xml(messages.message("FORGED", number, chance)))
    query, body = enclosed(account, sealed)
    now = int(time.time())
    way = chance.choice(
        ("no signature", "noise", "upper case", "cut", "another token", "another's token", "stale",
         "from the future", "nonce", "timestamp", "appended", "tampered", "plain of sealed",
         "echo's signature", "stamp")
    )  # fmt: skip
    match way:
        case "no signature":
            query = {name: text for name, text in query.items() if "signature" not in name}
        case "noise":
            query["msg_signature"] = chance.choice(("", "0" * 40, "é" * 40, "\x01", "x" * 5000))
        case "upper case":
            query["msg_signature"] = query["msg_signature"].upper() + "0"
        case "cut":
            query["msg_signature"] = query["msg_signature"][: chance.randrange(40)]
        case "another token" | "another's token":
            other = MINI if account is OA else OA
            token = other.token if way == "another's token" else chance.choice(("", "token", "é"))
            query = signed(token, sealed)
        case "stale" | "from the future":
            off = chance.choice((700, 86_400, 10**8)) * (1 if way == "from the future" else -1)
            query = signed(account.token, sealed, stamp=str(now + off))
        case "stamp":
            odd = ("", "0", f"0{now}", f"{now}.0", f"-{now}", f"{now}{now}", "１" * 10, "1e9")
            query = signed(account.token, sealed, stamp=chance.choice(odd))
        case "nonce" | "timestamp":
            query[way] += "1"
        case "appended":
            body = body.replace(sealed.encode(), sealed.encode() + b"AAAA")
        case "tampered":
            at = chance.randrange(len(sealed) - 2)
            swapped = "B" if sealed[at] == "A" else "A"
            body = enclosed(account, sealed[:at] + swapped + sealed[at + 1 :])[1]
        case "plain of sealed":  # what anybody can make of an address that was seen once
            query = {n: t for n, t in query.items() if n not in ("msg_signature", "encrypt_type")}
        case _:
            query["msg_signature"] = query["signature"]
    return _case(server, account, number, query, body, right=False, kind=f"forged: {way}")


def outside(server: Server, account: Account, number: int, chance: random.Random) -> Case:
    """The finished push, damaged on its way: refused, or still the very message that was sealed."""
    content = messages.as_xml(messages.text_message("OUTER", number, f"OUTER{number}"))
    query, body = enclosed(account, seal(account, content), as_json=chance.random() < SELDOM)
    encoded = urlencode(query).encode()
    if chance.random() < OFTEN:
        body = messages.change_bytes(body, chance)
    else:
        damaged = messages.change_bytes(encoded, chance)[:4000]
        encoded = bytes(byte for byte in damaged if byte in QUERY_BYTES)
    found = _case(server, account, number, query, body, right=True, kind="outside")
    return replace(found, query=encoded)


def echo(server: Server, account: Account, number: int, chance: random.Random) -> Case:
    """The verification of the address: text comes back, so nothing but a plain token may."""
    right = chance.random() < HALF
    said = chance.choice(
        (f"{number}", "<script>alert(1)</script>", "", "\x00", "é", "x" * 129, "a b", "a\nb")
    )
    query = stamped(account, echostr=said)
    if not right:
        query["signature"] = chance.choice(("", "0" * 40, query["signature"][:-1]))
    found = _case(server, account, number, query, b"", right=right, kind=f"echo {said[:20]!r}")
    return replace(found, method="GET")


def broken_frame(server: Server, account: Account, number: int, chance: random.Random) -> Case:
    """HTTP that no honest client speaks, around a genuine message that must not half arrive."""
    content = messages.as_xml(messages.text_message("OUTER", number, f"OUTER{number}"))
    query, body = enclosed(account, seal(account, content))
    size = b"%d" % len(body)
    way, headers, sent = chance.choice(
        (
            ("too short", b"Content-Length: %d\r\n" % (len(body) + 99), body),
            ("too long", b"Content-Length: %d\r\n" % (len(body) // 2), body),
            ("negative", b"Content-Length: -1\r\n", body),
            ("huge", b"Content-Length: 99999999999999999999\r\n", body),
            ("no number", b"Content-Length: 0x10\r\n", body),
            ("twice", b"Content-Length: %s\r\nContent-Length: 5\r\n" % size, body),
            ("both", b"Content-Length: %s\r\nTransfer-Encoding: chunked\r\n" % size, body),
            ("chunk size", b"Transfer-Encoding: chunked\r\n", b"zz\r\n" + body),
            ("endless chunk", b"Transfer-Encoding: chunked\r\n", b"fffffff\r\n" + body),
            ("coding", b"Transfer-Encoding: gzip, chunked\r\n", body),
            ("bytes", b"X-\xff\x00: \x01\r\nContent-Length: %s\r\n" % size, body),
            ("long header", b"X: " + b"x" * 70_000 + b"\r\nContent-Length: %s\r\n" % size, body),
        )
    )
    found = _case(server, account, number, query, sent, right=True, kind=f"frame: {way}")
    return replace(found, headers=headers, broken_frame=True)


def _content(mark: str, account: Account, number: int, chance: random.Random) -> bytes:
    """A message changed in its fields, in its bytes, in both, or (one of ten) not at all."""
    pairs = messages.message(mark, number, chance)
    dice = chance.random()
    if dice < OFTEN:
        pairs = messages.change_fields(pairs, chance)
    in_json = account is MINI and chance.random() < OFTEN
    content = messages.as_json(pairs) if in_json else messages.as_xml(pairs)
    return messages.change_bytes(content, chance) if SELDOM < dice < WHOLE else content


def _case(
    server: Server, account: Account, number: int, query: dict[str, str], body: bytes, **facts: Any
) -> Case:
    encoded = urlencode(query, errors="surrogatepass").encode()
    return Case(number, server, "POST", f"/wechat/{account.appid}", encoded, body, **facts)


def stamped(account: Account, **more: str) -> dict[str, str]:
    """The query of a plain push, or of a verification."""
    stamp, nonce = str(int(time.time())), "1320562132"
    signature = sign(account.token, stamp, nonce)
    return {"signature": signature, "timestamp": stamp, "nonce": nonce, **more}


def signed(token: str, sealed: str, *, stamp: str | None = None) -> dict[str, str]:
    stamp, nonce = str(int(time.time())) if stamp is None else stamp, "1320562132"
    return {
        "signature": sign(token, stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "encrypt_type": "aes",
        "msg_signature": sign(token, stamp, nonce, sealed),
    }


def enclosed(
    account: Account, sealed: str, *, as_json: bool = False
) -> tuple[dict[str, str], bytes]:
    pairs: messages.Pairs = [("ToUserName", "gh_x"), ("Encrypt", sealed)]
    body = messages.as_json(pairs) if as_json else messages.as_xml(pairs)
    return signed(account.token, sealed), body


def replaced_key(account: Account) -> Account:
    return account.model_copy(update={"aes_key": OTHER_KEY})


@cache
def _aes(key: str) -> Cipher[modes.CBC]:
    secret = base64.b64decode(key + "=")
    return Cipher(algorithms.AES(secret), modes.CBC(secret[:16]))


def seal(
    account: Account,
    content: bytes,
    *,
    appid: str | None = None,
    pad: int | None = None,
    length: int | None = None,
) -> str:
    """AES as the platform does it (消息加解密说明), with what can be wrong about it."""
    size = len(content) if length is None else length
    owner = account.appid if appid is None else appid
    whole = b"r" * 16 + size.to_bytes(4, "big") + content + owner.encode()
    missing = BLOCK - len(whole) % BLOCK
    whole += bytes([missing if pad is None else pad]) * missing
    encryptor = _aes(account.aes_key).encryptor()
    return base64.b64encode(encryptor.update(whole) + encryptor.finalize()).decode()
