import { keystore } from "./keystore.js";
import { type TaskResult, type Task, mostContents } from "./tasks.js";
import { namesIn, render } from "./render-template.js";
import { TemplateMistake } from "./template-mistake.js";

/** Does one order. Never throws, and never tells a stranger's text: it might hold a value. */
export function workOrder(order: Task): TaskResult {
  try {
    const contents = contentsOf(order);
    if (contents.length <= mostContents) return { ok: true, contents };
    return { ok: false, code: "limit_exceeded", message: `is longer than ${mostContents >> 20} MiB` };
  } catch (reason) {
    if (reason instanceof TemplateMistake) {
      const { code, message, line, column } = reason;
      return { ok: false, code, message, line, column };
    }
    return { ok: false, code: "internal", message: "cannot be made: a defect of keymount" };
  }
}

function contentsOf(order: Task): Uint8Array {
  switch (order.kind) {
    case "template":
      return Buffer.from(render(order.text, order.data));
    case "names":
      return Buffer.from(JSON.stringify(namesIn(order.text)));
    case "keystore":
      return keystore(order);
  }
}
