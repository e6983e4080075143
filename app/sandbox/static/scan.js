// The camera: the codes the service has made hang on the wall; any other scene can be typed.

import { sandbox } from "./api.js";
import { busy, el, empty, screen } from "./dom.js";
import { followed } from "./desk.js";

export async function scanScreen(user) {
  // A computer that waits to be signed in lies nearest.
  const all = await sandbox.get("/qrcodes");
  const codes = [...all.filter(isLogin).reverse(), ...all.filter((code) => !isLogin(code))];
  const input = el("input", { maxlength: "64", placeholder: "例如 v:500117126201", "aria-label": "场景值", autocomplete: "off" });
  const button = el("button", { class: "primary" }, "扫这个码");

  async function scan(scene) {
    const outcome = await sandbox.post(`/users/${user.id}/scan`, { scene });
    await followed(user, outcome);
    location.hash = `#/u/${user.id}/chat`;
  }

  const submit = busy(() => button, async () => {
    if (!input.value.trim()) throw new Error("请先填写场景值");
    await scan(input.value.trim());
  });
  const wall = codes.map((code) => {
    const tile = el(
      "button",
      { class: "qr", type: "button" },
      el("img", { src: code.image, alt: "", loading: "lazy", width: "140", height: "140" }),
      el("b", {}, isLogin(code) ? `电脑登录码 ${code.scene.slice(6)}` : code.scene),
    );
    tile.addEventListener("click", busy(() => tile, () => scan(code.ticket)));
    return tile;
  });
  const body = [
    el("p", { class: "lead" }, user.following ? "点一张码，就像用微信扫它。" : "点一张码：会先关注公众号，并带上码里的信息。"),
    wall.length ? el("div", { class: "wall" }, wall) : empty("服务还没有生成带参数的二维码"),
    el("h2", { class: "group" }, "没有列出来的码"),
    el("form", { class: "field-row padded", onsubmit: submit }, input, button),
  ];
  return { node: screen({ title: "扫一扫", back: `#/u/${user.id}`, body, kind: "scan-screen" }) };
}

function isLogin(code) {
  return code.scene.startsWith("login-");
}
