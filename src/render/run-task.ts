import { keystore } from "./keystore.js";
import { type TaskResult, type Task, mostContents } from "./tasks.js";
import { namesIn, render } from "./render-template.js";
import { TemplateMistake } from "./template-mistake.js";

/** Does one task. Never throws, and never tells a stranger's text: it might hold a value. */
export function runTask(task: Task): TaskResult {
  try {
    const contents = contentsOf(task);
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

function contentsOf(task: Task): Uint8Array {
  switch (task.kind) {
    case "template":
      return Buffer.from(render(task.text, task.data));
    case "names":
      return Buffer.from(JSON.stringify(namesIn(task.text)));
    case "keystore":
      return keystore(task);
  }
}
