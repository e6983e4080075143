"""What WeChat waits for: a new encrypted message each, kept and answered, by 64 connections.

Beside it, in turn in each round: bare FastAPI on the same server settings, and two libraries that
only decrypt, answer and encrypt, and keep nothing. Ours stores every message with its answer on a
database that syncs, and after each round it is asked whether all are there.
"""

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode
from xml.parsers.expat import ExpatError

import httpx
import xmltodict

from app.core import clock
from app.core.settings import OfficialAccount
from app.flows.chat import HELP
from app.wechat import signature
from app.wechat.cipher import Crypto
from bench.peers.install import NotInstalled, install_wechat, install_werobot, running
from bench.servers import Server, bare, web
from bench.table import Figure, per
from bench.wrk import Load, rates, without_errors, wrk

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


Loads = dict[str, list[Load | None]]
"""Name → what each round found; None for a round in which somebody beside us erred."""


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


def peers(stack: ExitStack, folder: Path, missing: dict[str, str]) -> Iterator[tuple[str, Server]]:
    """Those that run here and answer rightly; why the others do not is put into `missing`."""
    for number, (name, install) in enumerate(PEERS.items()):
        home = folder / f"peer-{number}"
        home.mkdir()
        try:
            server = stack.enter_context(running(install(home), home, OA, HELP))
            check_answer(server)
        except NotInstalled as error:
            missing[name] = f"not installed: {error}"
        except (AssertionError, LookupError, ExpatError, httpx.HTTPError) as error:
            missing[name] = f"no right answer: {error}"
        else:
            yield name, server


def run(*, short: bool) -> list[Figure]:
    """Ours and each peer as a multiple of bare; ours as a multiple of each peer."""
    rounds, seconds = (1, 2) if short else (ROUNDS, SECONDS)
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(web(folder / "ours"))
        ours.ask(MADE_RESIDENTS, many=RESIDENTS, appid=OA.appid)
        limit = stack.enter_context(bare())
        check_answer(ours)
        others = dict(peers(stack, folder, missing))
        messages = write_messages(folder / "messages", ["帮助"])
        load_of_ours(ours, messages, 2)
        found: Loads = {name: [] for name in ("ours", "bare", *others)}
        for _ in range(rounds):
            messages = write_messages(folder / "messages", ["帮助"])
            found["ours"].append(load_of_ours(ours, messages, seconds))
            found["bare"].append(without_errors(limit.url, seconds=seconds))
            for name, server in others.items():
                args = [str(messages)]
                load = without_errors(server.url, script=SCRIPT, args=args, seconds=seconds)
                found[name].append(load)
    return figures(found, missing)


def figures(found: Loads, missing: Mapping[str, str]) -> list[Figure]:
    reached = {name: rates(loads) for name, loads in found.items()}
    ours, free = reached["ours"], reached["bare"]
    slowest = [load.p99_ms for load in found["ours"] if load]
    table = [
        Figure(
            "callback: kept and answered", per(ours, free), "× bare", "≥", TARGET,
            ours=ours, other=free, each="/s",
        ),
        Figure("… requests", ours, "/s"),
        Figure("… 99 of 100 within", slowest, "ms"),
        Figure("… bare", free, "/s", by_other=True),
    ]  # fmt: skip
    for name, theirs in reached.items():
        if name in {"ours", "bare"}:
            continue
        table += [
            Figure(f"… {name}", per(theirs, free), "× bare", other=theirs, each="/s"),
            Figure(
                f"… ours beside {name}", per(ours, theirs), "×", "≥", 1,
                ours=ours, other=theirs, each="/s",
            ),
        ]  # fmt: skip
    return table + [Figure(f"… {name}", (), "× bare", why_not=why) for name, why in missing.items()]
