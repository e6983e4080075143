// The questions of a lesson: sent as indexes; what was right and why comes from the server.

import { busy, el, icon, when } from "./dom.js";

const KINDS = { single: "单选", multiple: "多选", judge: "判断" };

export function questionForm(lesson, send, onAnswer) {
  const boxes = lesson.questions.map(question);
  const verdict = el("p", { class: "verdict", role: "status", hidden: true });
  const button = el("button", { class: "primary wide" }, "交卷");
  const submit = busy(() => button, async () => {
    const answers = Object.fromEntries(boxes.map((box) => [box.id, box.chosen()]));
    if (boxes.some((box) => !box.chosen().length)) throw new Error("还有题目没有作答");
    const answer = await send(answers);
    for (const result of answer.results) boxes.find((box) => String(box.id) === String(result.question_id))?.mark(result);
    verdict.hidden = false;
    verdict.className = `verdict ${answer.passed ? "good" : "bad"}`;
    verdict.textContent = answer.passed
      ? answer.completed ? "全部答对，这一课学完了！" : "全部答对！再学够时间就完成了。"
      : `有答错的，再看看课文${answer.retry_at ? `，${when(answer.retry_at)} 以后可以再答` : "，再答一次"}。`;
    button.textContent = "再答一次";
    onAnswer(answer);
  });
  return el("form", { class: "questions", onsubmit: submit }, boxes.map((box) => box.node), verdict, button);
}

function question({ id, kind, text, options }, index) {
  const type = kind === "multiple" ? "checkbox" : "radio";
  const choices = options?.length ? options : ["正确", "错误"];
  const inputs = choices.map((_, place) => el("input", { type, name: `q${id}`, value: String(place) }));
  const labels = choices.map((choice, place) => el("label", { class: "option" }, inputs[place], el("span", {}, choice)));
  const why = el("p", { class: "why", hidden: true });
  const node = el("fieldset", {}, el("legend", {}, el("small", {}, KINDS[kind] ?? kind), ` ${index + 1}. ${text}`), labels, why);

  // The right options and the explanation may be kept back until the answer is right.
  function mark(result) {
    const wrong = (place) => (result.answer ? !result.answer.includes(place) : !result.right);
    labels.forEach((label, place) => {
      label.classList.toggle("right", (result.answer ?? []).includes(place));
      label.classList.toggle("wrong", inputs[place].checked && wrong(place));
    });
    node.classList.toggle("ok", result.right);
    why.replaceChildren(result.right ? icon("check") : "", result.right ? "答对了。" : "答错了，再想想。", result.why ?? "");
    why.hidden = false;
  }

  return { id, node, mark, chosen: () => inputs.filter((input) => input.checked).map((input) => Number(input.value)) };
}
