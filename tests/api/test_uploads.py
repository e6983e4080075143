import pytest

from app.api.pages.frame import VIEWED
from tests.api.newsroom import send_picture
from tests.api.service import Resident, Service
from tests.factories.editorial import picture


@pytest.fixture
async def editor(service: Service) -> Resident:
    return await service.officer("editor", "T-1")


async def test_a_picture_is_kept_once_and_shown_to_everybody(
    service: Service, editor: Resident
) -> None:
    first = await send_picture(service, editor, picture("JPEG", (30, 20)))
    told = first.json()
    assert (first.status_code, told["width"], told["height"]) == (201, 30, 20)
    assert told["url"] == f"/uploads/{told['sha256']}.jpg"
    assert (await send_picture(service, editor, picture("JPEG", (30, 20)))).json() == told
    shown = await service.client.get(told["url"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["x-content-type-options"] == "nosniff"
    policy = VIEWED["Content-Security-Policy"]
    assert shown.headers.get_list("content-security-policy") == [policy]


async def test_what_is_not_there_is_not_shown(service: Service) -> None:
    paths = [f"/uploads/{'0' * 64}.jpg", f"/uploads/{'0' * 64}.svg", "/uploads/..%2f..%2f.env.jpg"]
    told = [(await service.client.get(path)).status_code for path in paths]
    assert told == [404, 422, 404]


async def test_ten_megabytes_and_no_more(service: Service, editor: Resident) -> None:
    most = picture().ljust(10 * 1024 * 1024, b"\x00")
    assert (await send_picture(service, editor, most)).status_code == 201
    beyond = await send_picture(service, editor, most + b"\x00")
    assert (beyond.status_code, beyond.json()["code"]) == (400, "PictureTooLarge")
    # Far beyond, it is not even read.
    refused = await send_picture(service, editor, most.ljust(11 * 1024 * 1024))
    assert (refused.status_code, refused.json()["code"]) == (413, "BodyTooLarge")


async def test_only_who_writes_may_upload(service: Service, resident: Resident) -> None:
    told = await send_picture(service, resident)
    assert (told.status_code, told.json()["code"]) == (403, "UploadNotYours")
    assert (await service.client.post("/api/v1/uploads")).status_code in {401, 422}


async def test_a_hostile_form_is_refused_in_the_one_form(
    service: Service, editor: Resident
) -> None:
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="file"'
    bodies: list[tuple[bytes, dict[str, str]]] = [
        (b"", {}),
        (b"x", boundary),
        (b"--b--\r\n", boundary),
        (head + b"\r\n\r\nx\r\n--b--\r\n", boundary),
        (head + b'; filename="\x00../../x"\r\n\r\n\r\n--b--\r\n', boundary),
        (b"{}", {"Content-Type": "application/json"}),
        (b"x", {"Content-Type": "multipart/form-data"}),
    ]
    for key in ({}, {"Idempotency-Key": "hostile-form"}):
        for body, typed in bodies:
            told = await service.call(
                "POST", "/uploads", editor, content=body, headers={**typed, **key}
            )
            assert told.status_code in {400, 409, 422}, (body, told.text)
            assert told.headers["content-type"] == "application/problem+json"
