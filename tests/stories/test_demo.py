"""A town's day while its processes are killed: what was acknowledged is in the books, once.

And no secret that existed in it stands in any of its logs.
"""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from app.core import embedded
from tests.api.browser import form_of
from tests.processes import PROJECT, environment_of, processes_of
from tests.stories.leaks import leaks

KILLS = 4
SIZE = ("--residents", "10", "--days", "1", "--day-seconds", "30")
"""A day long enough for processes that come back again and again on two busy cores."""
DIGESTS = "select digest from person_token union all select digest from sign_in_ticket"
VALUES = """
select openid, 'an openid' from identity
union all select unionid, 'a unionid' from identity where unionid is not null
union all select name, 'a name' from person where name is not null
union all select value, 'WeChat''s access token' from wechat_token
"""
SECRETS = {
    f"SHOUSHAN_{name}": secrets.token_hex(16)
    for name in (
        *("SECRET_KEY", "WECHAT__OA__SECRET", "WECHAT__OA__TOKEN", "WECHAT__MINI__SECRET"),
        *("WECHAT__MINI__TOKEN", "WECOM__SECRET", "QQ__CLIENT_SECRET"),
    )
} | {
    f"SHOUSHAN_WECHAT__{name}__AES_KEY": secrets.token_hex(22)[:43] for name in ("OA", "MINI")
}  # fmt: skip
"""Of this installation only: words that stand in no log by chance."""


@pytest.mark.timeout(300)
def test_a_town_survives_kill_9(tmp_path: Path) -> None:
    # Everything is told, as when somebody looks for a fault.
    environment = environment_of(tmp_path, SHOUSHAN_LOG_LEVEL="DEBUG", **SECRETS)
    demo = subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", "demo", *SIZE],
        env=environment | {"PYTHONUNBUFFERED": "1"},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    assert "演示开始" in demo.stdout.readline()
    link = somebody_opens_the_pages(tmp_path / "demo", environment)
    killed = {"serve": 0, "worker": 0}
    deadline = time.monotonic() + 60
    while demo.poll() is None and min(killed.values()) < KILLS and time.monotonic() < deadline:
        time.sleep(1.0)
        for name in killed:
            for pid in processes_of(tmp_path / "demo", name):
                os.kill(pid, signal.SIGKILL)
                killed[name] += 1
    said, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, said
    assert min(killed.values()) >= 1, said
    assert "the books are true" in said
    assert "10 residents" in said
    # The demo itself compares what was sent with what each group saw; here: that there was any.
    week = re.search(r"(\d+) issues published, (\d+) pushes seen in (\d+) groups", said)
    assert week is not None, said
    assert 0 < int(week[2]) <= int(week[3])
    no_secret_is_told(tmp_path / "demo", said, link)


def somebody_opens_the_pages(data_dir: Path, environment: dict[str, str]) -> str:
    """By a one-time link, whose secret it answers: it becomes a cookie."""
    announced = (data_dir / "up.txt").read_text("utf-8")
    found = re.search(r"residents +(http://\S+)/ ", announced)
    assert found is not None, announced
    made = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "login-link", "--identity", "wx-a:o-of-somebody"],
        env=environment | {"SHOUSHAN_DATA_DIR": str(data_dir)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    path = urlsplit(made.stdout.strip()).path
    with httpx.Client(base_url=found[1], timeout=20, follow_redirects=True) as browser:
        to, fields = form_of(browser.get(path))
        inside = browser.post(to, data=fields)
        assert inside.is_success, inside.text
        assert browser.get("/me").is_success
    return path.rpartition("/")[2]


def no_secret_is_told(data_dir: Path, said: str, link: str) -> None:
    """Neither by web, worker and stand-in, nor by PostgreSQL, nor by the demo itself."""
    logs = [(data_dir / name).read_text("utf-8") for name in ("demo.log", "postgres.log")]
    for process in ("web", "worker"):
        assert f"process={process}" in logs[0], "there is a log to look through"
    assert "route=/api/v1/login/mini" in logs[0]
    with embedded.running(data_dir) as url, psycopg.connect(url) as connection:
        digests = [row[0] for row in connection.execute(DIGESTS)]
        values: dict[str, str] = dict(connection.execute(VALUES).fetchall())
    assert len(digests) > 10
    assert sha256(link.encode()).digest() in digests, "as the search takes them"
    assert {"an openid", "a name", "WeChat's access token"} <= set(values.values())
    ours = {value: name for name, value in SECRETS.items()}
    assert list(leaks("\n".join(logs), digests=digests, values=ours | values)) == []
    # What is printed for people names whom it shows.
    assert list(leaks(said, digests=digests, values=ours)) == []
