"""Putting a message into a group, where its members see it."""

import secrets
from typing import Any

from app.core import clock
from app.sandbox.groups import Group, Said, Speaker
from app.sandbox.world import World


def say_in(
    world: World,
    group: Group,
    sender: str,
    by: Speaker,
    *,
    type: str,  # noqa: A002  as the bubbles of a chat call it
    image: bytes | None = None,
    **content: Any,
) -> Said:
    said = Said(
        id=next(world.sequence),
        msg_id=f"ROBOT1.0_{secrets.token_urlsafe(48)}",
        at=clock.utcnow(),
        sender=sender,
        by=by,
        type=type,
        content=content,
        image=image,
    )
    group.chat.append(said)
    return said


def hear(world: World, group: Group, sender: str, text: str) -> Said:
    """A member writes by hand; a QQ bot may answer it for five minutes."""
    if sender not in group.members:
        group.members.append(sender)
    said = say_in(world, group, sender, "member", type="text", text=text)
    group.heard_at[said.msg_id] = clock.real_now()
    return said
