"""Pictures for articles: sent once, kept by their content, shown to everybody who reads them."""

from typing import Annotated, Literal

from fastapi import APIRouter, File, Path, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from app.api.deps import CurrentPerson, Now, SessionDep, SettingsDep, public
from app.api.errors import problems
from app.api.idempotency import once
from app.api.pages.frame import VIEWED
from app.api.strangers import LargeRoute
from app.core.errors import Forbidden
from app.editorial import pictures
from app.editorial.errors import UploadNotFound
from app.editorial.models import Upload
from app.people import policy

router = APIRouter(prefix="/api/v1/uploads", tags=["issues"], route_class=LargeRoute)
readers = APIRouter(tags=["issues"])
# The name is the content's own digest: what is under it can never change.
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", **VIEWED}


class UploadNotYours(Forbidden):
    title = "只有辅导员、讲师、编辑和管理员可以上传图片"


class UploadOut(BaseModel):
    id: int = Field(description="What a `cover` names")
    url: str = Field(description="What a text names: `![说明](/uploads/<sha256>.jpg)`")
    sha256: str = Field(description="SHA-256 of the stored picture, in hex")
    width: int = Field(description="In pixels, as stored")
    height: int = Field(description="In pixels, as stored")


@router.post(
    "", summary="Upload a picture", status_code=201,
    responses=problems(400, 401, 403, 409, 413, 429),
)  # fmt: skip
@once
async def upload(
    file: Annotated[
        UploadFile, File(description="JPG, PNG, WebP, GIF or BMP, up to 10 MB and 40 megapixels")
    ],
    actor: CurrentPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> UploadOut:
    """Stored anew as JPG or PNG below 1 MB, without what the camera wrote into it."""
    if not policy.can_upload(actor):
        raise UploadNotYours
    stored = await pictures.store(
        session,
        content=await file.read(),
        directory=settings.data_dir,
        uploaded_by_id=actor.person_id,
        now=now,
    )
    return UploadOut(
        id=stored.id,
        url=pictures.url_of(stored),
        sha256=stored.sha256,
        width=stored.width,
        height=stored.height,
    )


@readers.get(
    "/uploads/{sha256}.{extension}", summary="A picture", response_class=FileResponse,
    responses=problems(404),
)  # fmt: skip
@public
async def show(
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Of the stored picture")],
    extension: Annotated[Literal["jpg", "png"], Path(description="As in `url`")],
    settings: SettingsDep,
) -> FileResponse:
    """No question to the database: the file is there or not."""
    media_type = next(one for one, end in pictures.MEDIA_TYPES.items() if end == extension)
    path = pictures.path_of(settings.data_dir, Upload(sha256=sha256, media_type=media_type))
    if not path.is_file():
        raise UploadNotFound(sha256=sha256)
    return FileResponse(path, media_type=media_type, headers=FOR_EVER)
