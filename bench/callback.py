"""What WeChat waits for: a new encrypted message each, kept and answered, by 64 connections.

Beside it, in turn in each round: bare FastAPI on the same server settings, and two libraries that
only decrypt, answer and encrypt, and keep nothing. Ours stores every message with its answer on a
database that syncs, and after each round it is asked whether all are there.
"""

import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import httpx
import xmltodict

from app.core import clock
from app.core.settings import OfficialAccount
from app.flows.chat import HELP
from app.wechat import signature
from app.wechat.cipher import Crypto
from bench.peers.install import NotInstalled, install_wechat, install_werobot, running
from bench.servers import Server, bare, web
from bench.table import Figure
from bench.wrk import Load, wrk

ROUNDS, SECONDS, CONNECTIONS = 5, 5, 64
MESSAGES, RESIDENTS = 40_000, 10_000
"""So many messages are ready for one round; who is faster runs out of them, and gets no figure."""
SCRIPT = Path(__file__).parent / "callback.lua"
OA = OfficialAccount()
TARGET = 0.33
PEERS: dict[str, Callable[[Path], Sequence[str]]] = {
    "WeRoBot 1.13 on tornado, nothing stored": install_werobot,
    "npm wechat 2.1 on Express, nothing stored": install_wechat,
}
MADE_RESIDENTS = """
with made as (
    insert into person (created_at) select now() from generate_series(1, %(many)s) returning id
)
insert into identity (person_id, appid, openid, created_at)
select id, %(appid)s, 'o-bench-' || row_number() over (order by id), now() from made returning 1
"""
STORED = (
    "select count(*), count(*) filter (where state = 'answered' and reply <> '') from wechat_inbox"
)


@dataclass
class Measured:
    loads: list[Load] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


class Lost(Exception):
    """A message was answered and is not there."""


def message(number: int, word: str) -> str:
    """A text message of one of the residents."""
    openid = f"o-bench-{number % RESIDENTS + 1}"
    return (
        f"<xml><ToUserName><![CDATA[{OA.original_id}]]></ToUserName>"
        f"<FromUserName><![CDATA[{openid}]]></FromUserName>"
        f"<CreateTime>{int(clock.real_now().timestamp())}</CreateTime>"
        f"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{word}]]></Content>"
        f"<MsgId>{secrets.randbits(62)}</MsgId></xml>"
    )


def pushed(number: int, word: str) -> tuple[str, str]:
    """Address and body, as WeChat sends it in safe mode."""
    sealed = Crypto(OA.aes_key).seal(message(number, word), OA.appid)
    stamp, nonce = str(int(clock.real_now().timestamp())), secrets.token_hex(5)
    query = {
        "signature": signature.sign(OA.token, stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "encrypt_type": "aes",
        "msg_signature": signature.sign(OA.token, stamp, nonce, sealed),
    }
    body = (
        f"<xml><ToUserName><![CDATA[{OA.original_id}]]></ToUserName>"
        f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    )
    return f"/wechat/{OA.appid}?{urlencode(query)}", body


def write_messages(path: Path, words: Sequence[str], many: int = MESSAGES) -> Path:
    with path.open("w") as file:
        for number in range(many):
            address, body = pushed(number, words[number % len(words)])
            file.write(f"{address}\t{body}\n")
    return path


def check_answer(server: Server) -> None:
    """One message, and the right answer to it, or the speed of it says nothing."""
    address, body = pushed(0, "帮助")
    answer = httpx.post(server.url + address, content=body, headers={"Content-Type": "text/xml"})
    sealed = xmltodict.parse(answer.text)["xml"]
    parts = (sealed["TimeStamp"], sealed["Nonce"], sealed["Encrypt"])
    assert signature.matches([OA.token], *parts, given=sealed["MsgSignature"])
    said = xmltodict.parse(Crypto(OA.aes_key).open(sealed["Encrypt"], OA.appid))["xml"]
    assert (said["ToUserName"], said["Content"]) == ("o-bench-1", HELP), said


def stored(ours: Server) -> int:
    """How many messages are kept, once nothing more comes. Raises Lost if one has no answer."""
    before = (-1, -1)
    while (rows := ours.ask(STORED)[0]) != before:
        before = (int(rows[0]), int(rows[1]))
        time.sleep(0.2)
    if before[0] != before[1]:
        raise Lost(f"{before[1]} of {before[0]} messages have an answer")
    return before[0]


def load_of_ours(ours: Server, messages: Path, seconds: int) -> Load:
    """What wrk heard an answer to is stored; so is what was under way when it hung up."""
    before = stored(ours)
    load = wrk(ours.url, script=SCRIPT, args=[str(messages)], seconds=seconds)
    kept = stored(ours) - before
    if not load.answered <= kept <= load.answered + CONNECTIONS:
        raise Lost(f"{load.answered} answered, {kept} stored")
    return load


def peers(stack: ExitStack, folder: Path) -> Iterator[tuple[str, Server]]:
    for number, (name, install) in enumerate(PEERS.items()):
        home = folder / f"peer-{number}"
        home.mkdir()
        try:
            command = install(home)
        except NotInstalled as error:
            print(f"not installed: {name}: {error}", file=sys.stderr)
            continue
        yield name, stack.enter_context(running(command, home, OA, HELP))


def run(*, short: bool) -> list[Figure]:
    """Ours and each peer as a multiple of bare; ours as a multiple of each peer."""
    rounds, seconds = (1, 2) if short else (ROUNDS, SECONDS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(web(folder / "ours"))
        ours.ask(MADE_RESIDENTS, many=RESIDENTS, appid=OA.appid)
        limit = stack.enter_context(bare())
        others = dict(peers(stack, folder))
        for server in (ours, *others.values()):
            check_answer(server)
        messages = write_messages(folder / "messages", ["帮助"])
        load_of_ours(ours, messages, 2)
        found = {name: Measured() for name in ("ours", "bare", *others)}
        for _ in range(rounds):
            messages = write_messages(folder / "messages", ["帮助"])
            found["ours"].loads.append(load_of_ours(ours, messages, seconds))
            found["bare"].loads.append(wrk(limit.url, seconds=seconds))
            for name, server in others.items():
                load = wrk(server.url, script=SCRIPT, args=[str(messages)], seconds=seconds)
                found[name].loads.append(load)
    return figures(found)


def figures(found: dict[str, Measured]) -> list[Figure]:
    rates = {name: [load.rps for load in one.loads] for name, one in found.items()}

    def beside(one: str, other: str) -> list[float]:
        return [mine / theirs for mine, theirs in zip(rates[one], rates[other], strict=True)]

    table = [
        Figure("callback: kept and answered", beside("ours", "bare"), "× bare", "≥", TARGET),
        Figure("… requests", rates["ours"], "/s"),
        Figure("… 99 of 100 within", [load.p99_ms for load in found["ours"].loads], "ms"),
        Figure("… bare", rates["bare"], "/s"),
    ]
    for name in (one for one in rates if one not in ("ours", "bare")):
        table += [
            Figure(f"… {name}", beside(name, "bare"), "× bare"),
            Figure("… ours beside it", beside("ours", name), "×", "≥", 1),
        ]
    return table
