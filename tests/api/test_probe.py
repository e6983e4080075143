from app.core import clock
from tests.api.service import Service, Resident, RIGHT
async def show(label, answer):
    print(label, answer.status_code, dict(answer.headers), answer.text[:600])

async def test_probe(service: Service, resident: Resident, capsys):
    s = service
    async def t(method, path, who=resident, **k):
        try:
            a = await s.call(method, path, who, **k)
            with capsys.disabled(): print(f"{method} {path} {str(k)[:60]} -> {a.status_code} {a.headers.get('content-type')} {a.headers.get('x-request-id')} {a.text[:300]}")
            return a
        except BaseException as e:
            with capsys.disabled(): print(f"{method} {path} {str(k)[:60]} -> RAISED {type(e).__name__} {str(e)[:150]}")
    await t("GET","/me")
    await t("GET","/me/credits")
    lid = await s.lesson()
    await t("GET", f"/lessons/{lid}")
    await t("GET", "/lessons?platform=%00")
    await t("GET", "/lessons?q=%00&kind=%00")
    await t("GET", "/me/statement?unit=%00")
    await t("GET", "/rankings/people?org=%00")
    await t("GET", "/rankings/people?date=9999-12-31")
    await t("GET", "/rankings/people?date=0001-01-01&period=week")
    await t("GET", "/rankings/people?unit=%00")
    await t("PATCH", "/me", json={"name": "a\x00b"})
    await t("PATCH", "/me", json={"org_code": "a\x00b"})
    await t("PATCH", "/me", content=b'{"org_code": "\\ud800"}')
    await t("PATCH", "/me", content=b'{"\\ud800": 1}')
    await t("PATCH", "/me", content=b'{"rank_visible": null}')
    await t("PATCH", "/me", content=b'{"rank_visible": "yes"}')
    await t("POST", f"/lessons/{lid}/answers", content=b'{"answers": {"\\ud800": [1]}}')
    await t("POST", f"/lessons/{2**63}/beats")
    await t("GET", f"/lessons/{2**63-1}")
    async def big():
        for _ in range(400): yield b"x"*1024
    await t("PATCH", "/me", content=big())
    await t("PATCH", "/me", content=b"x"*300000)
    await t("POST", "/me/consents", json={"purpose":"\x00","version":1})
    await t("POST", "/me/consents", json={"purpose":"service","version":1,"guardian_note":"\x00"})
    await t("POST", "/me/conversions", json={"code":"\x00","lots":1}, headers={"Idempotency-Key":"12345678"})
    await t("POST", "/me/conversions", json={"code":"lesson.credit","lots":1}, headers={"Idempotency-Key":"12345678"})
    await t("POST", "/prior-learning", json=dict(title="aa\x00", institution="bb", hours_hundredths=1, achieved_on="2020-01-01", document_name="x", document_sha256="a"*64))
    await t("POST", "/login/mini", json={"code":"\ud800"} if False else {"code":"x\x00"})
    await t("POST", "/login/mini", content=b'{"code":"\\ud800"}')
    await t("GET", "/metrics", None)
    await t("GET", "/readyz", None)
    await t("GET", "/api/v1/nothing", None)
    await t("PUT", "/me")
    await t("BREW", "/me")
    await t("GET", "/me", None)
    s.world.faults
    a = await s.phone.post("/_sandbox/faults", json={"path":"/sns/jscode2session","kind":"html"})
    with capsys.disabled(): print(a.status_code, a.text)
    u = await s.user("x"); code=(await s.act(u,"mini-code"))["code"]
    await t("POST", "/login/mini", None, json={"code":code})
    # no-question lesson
    l2 = await s.lesson("noq", questions=())
    await t("POST", f"/lessons/{l2}/answers", json={"answers":{}})
    await s.read(resident, l2, 60)
    await t("GET","/me/statement")
    t0=await s.call("GET","/metrics")
    with capsys.disabled(): print([l for l in t0.text.splitlines() if "http_seconds_count" in l][:50])
    tut = await s.officer("tutor","T-1")
    await t("POST","/activities", tut, json=dict(title="aa",platform="微讲堂",org_code="T-1",starts_at="0001-01-01T00:00:00+14:00",ends_at="0001-01-01T01:00:00+14:00"))
    await t("POST","/activities", tut, json=dict(title="aa",platform="微讲堂",org_code="T-1",starts_at="9999-12-31T22:00:00-14:00",ends_at="9999-12-31T23:00:00-14:00"))
    await t("POST","/activities", tut, json=dict(title="a\x00",platform="微讲堂",org_code="T-1",starts_at="2026-12-31T22:00:00-14:00",ends_at="2026-12-31T23:00:00-14:00"))
    await t("DELETE","/me")
    await t("GET","/me")
