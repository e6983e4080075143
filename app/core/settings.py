"""What differs between deployments. Numbers of the trade live in rules, not here.

Every value is an environment variable `SHOUSHAN_…` (nested groups joined by `__`) or a line in
`.env`. Outside development a secret left at its development value stops the start.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, HttpUrl, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[2]
Port = Annotated[int, Field(ge=1, le=65535)]
AES_KEY_PATTERN = r"^[A-Za-z0-9]{43}$"
"""EncodingAESKey: 43 characters of a-z, A-Z, 0-9 (消息加解密说明, developers.weixin.qq.com)."""


class Account(BaseModel):
    """What the official account and the mini-program have in common."""

    appid: str
    secret: str
    token: str
    aes_key: str = Field(pattern=AES_KEY_PATTERN)
    previous_token: str | None = None
    previous_aes_key: str | None = Field(default=None, pattern=AES_KEY_PATTERN)
    allow_plain: bool = False

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Nothing else may stand in a traceback."""
        yield "appid", self.appid


class OfficialAccount(Account):
    appid: str = "wx00000000000000a1"
    secret: str = "development-oa-secret"
    token: str = "developmentoatoken"
    aes_key: str = Field(default="DevelopmentOnly0" * 2 + "OfficialAcc", pattern=AES_KEY_PATTERN)
    original_id: str = "gh_0000000000a1"
    kind: Literal["subscription", "service"] = "service"
    verified: bool = True


class MiniProgram(Account):
    appid: str = "wx00000000000000b2"
    secret: str = "development-mini-secret"
    token: str = "developmentminitoken"
    aes_key: str = Field(default="DevelopmentOnly0" * 2 + "MiniProgram", pattern=AES_KEY_PATTERN)


class WeChat(BaseModel):
    api_url: HttpUrl = HttpUrl("https://api.weixin.qq.com")
    open_url: HttpUrl = HttpUrl("https://open.weixin.qq.com")
    mp_url: HttpUrl = HttpUrl("https://mp.weixin.qq.com")
    oa: OfficialAccount = OfficialAccount()
    mini: MiniProgram = MiniProgram()


class WeCom(BaseModel):
    """企业微信. A group robot needs nothing but its key; all other calls need the credentials."""

    api_url: HttpUrl = HttpUrl("https://qyapi.weixin.qq.com")
    corp_id: str | None = None
    secret: str | None = Field(default=None, repr=False)
    agent_id: int | None = None


class QQ(BaseModel):
    """The official QQ bot. Its token comes from another host than its API."""

    token_url: HttpUrl = HttpUrl("https://bots.qq.com")
    api_url: HttpUrl = HttpUrl("https://api.sgroup.qq.com")
    app_id: str | None = None
    client_secret: str | None = Field(default=None, repr=False)


class Push(BaseModel):
    """How an issue is published (None: the best the account may do), and what notices look like."""

    publish_by: Literal["freepublish", "mass", "hand"] | None = None
    mass_tag_id: int | None = None
    notice_templates: dict[str, str] = {}
    """Kind (lesson, activity, honour, duty) → the mini-program's subscription template id."""
    notice_keys: dict[str, tuple[str, str, str]] = {}
    """Kind → its template's own keys of what, when and a note; absent: thing1, time2, thing3."""
    words_file: Path | None = None
    """The list of words to look at before a review, instead of app/editorial/words.txt."""


class RateLimits(BaseModel):
    """Requests allowed, in the notation of the `limits` library.

    An address is often a whole village behind its carrier's translation, so only floods are cut.
    """

    person: str = "300/minute"
    address: str = "6000/minute"
    login: str = "600/minute"


class SandboxSettings(BaseModel):
    """The stand-in for Tencent's servers: development only."""

    host: str = "127.0.0.1"
    port: Port = 8100


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SHOUSHAN_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,  # a start that fails tells the variable, never its value
    )

    env: Literal["development", "production"] = "development"
    database_url: str | None = None
    """As libpq reads it; `pgbouncer=true` in it: app/core/db.py, docs/reliability.md."""
    data_dir: Path = Path("var")
    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: HttpUrl | None = None
    secret_key: str = "development-only"
    clock_start: datetime | None = None
    clock_rate: float = Field(default=1.0, gt=0, le=100_000)
    town_code: str = "500117126"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    worker_metrics_port: Port | None = None
    database_pool: int = Field(default=10, ge=2, le=200)
    wechat: WeChat = WeChat()
    wecom: WeCom = WeCom()
    qq: QQ = QQ()
    push: Push = Push()
    rate: RateLimits = RateLimits()
    sandbox: SandboxSettings = SandboxSettings()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Neither the key nor the database's password may stand in a traceback."""
        yield "env", self.env

    @property
    def base_url(self) -> str:
        """Where residents reach the service, without a trailing slash."""
        url = str(self.public_url) if self.public_url else f"http://{self.host}:{self.port}"
        return url.rstrip("/")

    @model_validator(mode="after")
    def clock_start_is_an_instant(self) -> Self:
        if self.clock_start is not None and self.clock_start.tzinfo is None:
            raise ValueError(
                "SHOUSHAN_CLOCK_START needs a time zone, e.g. 2026-11-23T06:00:00+08:00"
            )
        return self

    @model_validator(mode="after")
    def production_is_serious(self) -> Self:
        if self.env != "production":
            return self
        refused = [
            f"SHOUSHAN_{name} still has its development value"
            for name, value, default in _secrets(self)
            if value == default
        ]
        if len(self.secret_key) < 32:  # noqa: PLR2004  the length of a 192-bit key in base64
            refused.append("SHOUSHAN_SECRET_KEY must have at least 32 characters")
        if self.clock_start is not None or self.clock_rate != 1:
            refused.append("SHOUSHAN_CLOCK_START and SHOUSHAN_CLOCK_RATE are for development only")
        if self.public_url is None:
            refused.append("SHOUSHAN_PUBLIC_URL is not set")
        if refused:
            raise ValueError("; ".join(refused))
        return self


def _secrets(settings: Settings) -> list[tuple[str, str, str]]:
    """(variable, value, development value) of everything that must be set in production."""
    rows = [("SECRET_KEY", settings.secret_key, Settings.model_fields["secret_key"].default)]
    for group, account in (("OA", settings.wechat.oa), ("MINI", settings.wechat.mini)):
        for name in ("appid", "secret", "token", "aes_key"):
            default = type(account).model_fields[name].default
            rows.append((f"WECHAT__{group}__{name.upper()}", getattr(account, name), default))
    oa = settings.wechat.oa
    rows.append(("WECHAT__OA__ORIGINAL_ID", oa.original_id, OfficialAccount().original_id))
    return rows


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
