import re

import httpx
import pytest

from tests.sandbox.companies import make_group, read_group
from tests.sandbox.platform import Platform

KINDS = ["ordinary", "wecom_robot", "wecom_customer_group", "qq_bot"]
PIXEL = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_address_is_the_same_group(client: httpx.AsyncClient, kind: str) -> None:
    first = await make_group(client, kind, address="a-1")
    again = await make_group(client, kind, address="a-1", name="另一个名字")
    assert again == first
    other = await make_group(client, kind)
    assert other["id"] != first["id"]
    assert other["address"]
    listed = (await client.get("/_sandbox/groups", params={"kind": kind})).json()
    assert [one["id"] for one in listed] == [first["id"], other["id"]]
    found = await client.get("/_sandbox/groups", params={"kind": kind, "address": "a-1"})
    assert found.json() == [first]


async def test_a_member_forwards_by_hand(platform: Platform, client: httpx.AsyncClient) -> None:
    group = await make_group(client, "ordinary", members=["竹林大叔"])
    resident = await platform.resident("槐小花")
    path = f"/_sandbox/groups/{group['id']}"
    for user in (resident["id"], "竹林大叔"):
        answer = await client.post(f"{path}/forward", json={"user": user, "text": "<b>转发</b>"})
        assert answer.status_code == 200
    chat = await read_group(client, group)
    assert [(one["sender"], one["by"]) for one in chat] == [
        ("槐小花", "member"),
        ("竹林大叔", "member"),
    ]
    assert chat[0]["content"] == {"text": "<b>转发</b>"}
    later = await client.get(f"{path}/messages", params={"after": chat[0]["id"]})
    assert [one["id"] for one in later.json()] == [chat[1]["id"]]
    assert (await client.get(path)).json()["members"] == ["竹林大叔", "槐小花"]


async def test_a_picture_is_served_as_a_file(client: httpx.AsyncClient) -> None:
    group = await make_group(client, "wecom_robot", address="key-1")
    content = {"base64": "iVBORw0KGgo=", "md5": "4c5ff67c69fc8c1a6f8a5b2ef6e2c3d1"}
    answer = await client.post(
        "/cgi-bin/webhook/send",
        params={"key": "key-1"},
        json={"msgtype": "image", "image": content},
    )
    assert answer.json()["errcode"] == 301019
    content["md5"] = "e9dd2797018cad79186e03e8c5aec8dc"
    message = {"msgtype": "image", "image": content}
    await client.post("/cgi-bin/webhook/send", params={"key": "key-1"}, json=message)
    said = (await read_group(client, group))[0]
    path = f"/_sandbox/groups/{group['id']}/messages"
    picture = await client.get(f"{path}/{said['id']}/image")
    assert (picture.headers["content-type"], picture.content) == ("image/png", PIXEL)
    assert (await client.get(f"{path}/0/image")).status_code == 404


@pytest.mark.parametrize("act", ["remove", "restore", "forward"])
async def test_a_group_nobody_made(client: httpx.AsyncClient, act: str) -> None:
    body = {"user": "x", "text": "x"}
    assert (await client.post(f"/_sandbox/groups/g0/{act}", json=body)).status_code == 404
    assert (await client.get("/_sandbox/groups/g0/messages")).status_code == 404
    assert (await client.post("/_sandbox/wecom/tasks/m/confirm")).status_code == 404


async def test_the_page_runs_nothing_but_its_own_files(client: httpx.AsyncClient) -> None:
    page = await client.get("/groups")
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page.text)
    for url in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert (await client.get(url)).status_code == 200, url
    assert 'href="/groups"' in (await client.get("/")).text
    assert 'href="/groups"' in (await client.get("/_sandbox/docs")).text


async def test_groups_outlive_a_reset_that_keeps_users(client: httpx.AsyncClient) -> None:
    group = await make_group(client, "wecom_customer_group", owner="huai")
    await client.post("/_sandbox/reset", params={"keep": "users"})
    assert (await client.get("/_sandbox/groups")).json() == [group]
    assert (await client.get("/_sandbox/wecom/members")).json()[0]["userid"] == "huai"
    await client.post("/_sandbox/reset")
    assert (await client.get("/_sandbox/groups")).json() == []
