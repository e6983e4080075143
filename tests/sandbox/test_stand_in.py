import httpx
import pytest

from app.cli.supervisor import sandbox_url, stand_in
from app.core.settings import Settings
from app.sandbox.server import create_sandbox
from tests.sandbox.companies import make_group, qq_client, wecom_client

TASK = "/cgi-bin/externalcontact/add_msg_template"
TEMPLATE = "/v2/groups/{group_openid}/messages"


async def test_what_is_set_beside_the_stand_in_is_what_it_accepts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in stand_in(Settings(_env_file=None)).items():
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    home = sandbox_url(settings)
    bases = (settings.wechat.api_url, settings.wecom.api_url, settings.qq.api_url)
    assert {str(one).rstrip("/") for one in (*bases, settings.qq.token_url)} == {home}
    assert sorted(settings.push.notice_templates) == ["activity", "duty", "honour", "lesson"]
    async with httpx.AsyncClient() as http:
        sandbox = create_sandbox(settings, http=http)
        transport = httpx.ASGITransport(sandbox)
        async with httpx.AsyncClient(transport=transport, base_url=home) as admin:
            await make_group(admin, "wecom_customer_group", address="wr1", owner="huai")
            await make_group(admin, "qq_bot", address="G1", allow_proactive=True)
        message = {"chat_type": "group", "sender": "huai", "text": {"content": "x"}}
        assert (await wecom_client(sandbox, settings.wecom).call(TASK, json=message))["msgid"]
        qq, said = qq_client(sandbox, settings.qq), {"msg_type": 0, "content": "x"}
        assert (await qq.call("/v2/groups/G1/messages", template=TEMPLATE, json=said))["id"]
