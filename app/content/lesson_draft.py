"""A lesson as its author wrote it, from a file (`lesson_file`) or from a form (`lesson_form`)."""

from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from app.content import rules
from app.content.rules import Kind, QuestionKind

EVERYONE = ("全体居民",)
TITLE_MAX, SUMMARY_MAX, SUMMARY_LENGTH = 64, 120, 60
QUESTIONS_MAX, OPTIONS_MAX = 20, 8


@dataclass(frozen=True)
class QuestionDraft:
    kind: QuestionKind
    text: str
    options: tuple[str, ...]
    answer: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class LessonDraft:
    """A lesson as its author wrote it, checked. `key_line` is the line of `file` with the key."""

    key: str
    title: str
    kind: Kind
    platform: str
    audience: tuple[str, ...]
    summary: str
    source: str
    html: str
    plain: str
    media_url: str | None
    required_seconds: int
    questions: tuple[QuestionDraft, ...]
    file: str = field(compare=False)
    key_line: int = field(compare=False)

    @property
    def digest(self) -> str:
        """The digest of all that a reader is shown or asked; not of the key and the file's name."""
        content = asdict(self)
        for name in ("key", "plain", "file", "key_line"):
            del content[name]
        return rules.digest(content)


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in url
