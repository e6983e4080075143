"""WeRoBot on tornado, as its documentation mounts it: decrypts, answers, encrypts, keeps nothing.

Run by a Python of its own: `werobot_peer.py port appid token aes_key answer`.
"""

import sys
from typing import Any

from tornado.ioloop import IOLoop  # type: ignore[import-not-found]
from tornado.web import Application  # type: ignore[import-not-found]
from werobot import WeRoBot  # type: ignore[import-not-found]
from werobot.contrib.tornado import make_handler  # type: ignore[import-not-found]

port, appid, token, aes_key, answer = sys.argv[1:]
robot = WeRoBot(token=token, app_id=appid, encoding_aes_key=aes_key, enable_session=False)


@robot.text  # type: ignore[untyped-decorator]
def say(_: Any) -> str:
    return answer


Application([(r"/wechat/.*", make_handler(robot))]).listen(int(port), "127.0.0.1")
IOLoop.current().start()
