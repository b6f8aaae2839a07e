import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Job } from "../mount/ports.js";
import { systemClock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { builtWorker } from "../../dev/testing/built-worker.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { until } from "../../dev/testing/until.js";
import { RenderWorker } from "./render-worker.js";
import type { WorkerEvent } from "./worker-event.js";

const never = new AbortController().signal;
const open: RenderWorker[] = [];
let worker: URL;

beforeAll(async () => {
  worker = await builtWorker();
});

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function renderer(parts: Partial<ConstructorParameters<typeof RenderWorker>[0]> = {}): RenderWorker {
  const made = new RenderWorker({ worker, clock: systemClock, emit: () => {}, ...parts });
  open.push(made);
  return made;
}

/** Collects what happens, less the times. */
function collecting() {
  const events: WorkerEvent[] = [];
  return {
    emit: (event: WorkerEvent) => void events.push(event),
    work: () => events.flatMap((event) => (event.kind === "worked" ? [`${event.task} ${event.outcome}`] : [])),
    failures: () => events.filter(({ kind }) => kind === "workerFailed"),
    ends: () => events.flatMap((event) => (event.kind === "workerEnded" ? [event.reason] : [])),
  };
}

function template(text: string, own: object = { user: "app" }): Job {
  return {
    kind: "template",
    text,
    data: new Redacted(JSON.stringify({ own: { data: own, meta: null }, sources: {} })),
  };
}

function keystoreOf(parts: Partial<Extract<Job, { kind: "keystore" }>>): Job {
  return { kind: "keystore", certificates: [], password: new Redacted(""), alias: "", legacy: false, ...parts };
}

/** Past Liquid's own limits: nothing in it counts the steps of a regular expression or of a native sort. */
const endless = template("{% for i in (1..2000) %}{% assign x = long | split: '' | sort | join: '' %}{% endfor %}", {
  long: "ab".repeat(100_000),
});

const refusal = (made: Promise<unknown>) =>
  made.then(
    () => undefined,
    (reason: unknown) => (reason instanceof ProviderError ? `${reason.code}: ${reason.message}` : reason),
  );

test("renders in a process of its own", async () => {
  expect((await renderer().render(template("{{ user }}!"), "a", never)).toString()).toBe("app!");
});

test("tells line and column of a mistake", async () => {
  expect(await refusal(renderer().render(template("a\n {{ usr }}"), "a", never))).toBe(
    'not_found: the template, line 2, column 5: there is no "usr" (there is: data, user); did you mean user?',
  );
});

describe("hostile templates", () => {
  test("what takes too long is ended, with its process; others are made by the next", async () => {
    const clock = new FakeClock();
    const shop = renderer({ clock });
    const hostile = refusal(shop.render(endless, "mallory", never));
    const other = shop.render(template("{{ user }}"), "alice", never);
    await until(() => clock.timers > 0);
    await clock.advance(2_000);
    expect(await hostile).toMatch(/^limit_exceeded: the template takes longer than 2 s to make$/);
    expect((await other).toString()).toBe("app");
  });

  const doubled = (times: number) =>
    `{% assign x = long %}{% for i in (1..${times}) %}{% capture x %}{{ x }}{{ x }}{% endcapture %}{% endfor %}`;

  test.each([
    [
      "a list that doubles",
      "{% assign y = data.y | push: 1 %}{% for i in (1..40) %}{% assign y = y | concat: y %}{% endfor %}",
    ],
    [
      "texts made of bytes",
      "{% for i in (1..200) %}{% assign x = long | base64_encode %}{% assign y = y | push: x %}{% endfor %}",
    ],
    // In a thread, V8 ends the whole process here.
    [
      "two long texts compared",
      `${doubled(8)}{% for i in (1..9) %}{% capture y %}{{ x }}{{ i }}{% endcapture %}{% if x < y %}{% endif %}{% endfor %}`,
    ],
  ])("what fills its memory ends the worker, not us: %s", async (_, text) => {
    const shop = renderer();
    expect(await refusal(shop.render(template(text, { long: "ab".repeat(250_000), y: [] }), "mallory", never))).toMatch(
      /^limit_exceeded: the template/,
    );
    expect((await shop.render(template("{{ user }}"), "alice", never)).toString()).toBe("app");
  });

  test("what was too much is not tried again for a minute", async () => {
    const clock = new FakeClock();
    const shop = renderer({ clock });
    const first = refusal(shop.render(endless, "mallory", never));
    await until(() => clock.timers > 0);
    await clock.advance(2_000);
    await first;
    expect(await refusal(shop.render(endless, "mallory", never))).toMatch(/^limit_exceeded/);
  });

  test("a file longer than 1 MiB is refused", async () => {
    const long = template("{{ long }}{{ long }}", { long: "a".repeat(600_000) });
    expect(await refusal(renderer().render(long, "a", never))).toMatch(
      /^limit_exceeded: the template is longer than 1 MiB/,
    );
  });
});

/** A worker that gives the number of the task, and dies at one of them. */
async function countingWorker(diesAt = Infinity, death = `process.kill(process.pid, "SIGKILL")`): Promise<URL> {
  const file = join(await temporaryDirectory(), "worker.mjs");
  const code = `let n = 0;
    process.on("message", () => {
      n += 1;
      if (n === ${diesAt}) ${death};
      else process.send({ ok: true, contents: Buffer.from(String(n)) });
    });
    process.on("disconnect", () => process.exit());
    process.send("ready");`;
  await writeFile(file, code);
  return pathToFileURL(file);
}

describe("a process that dies at a task", () => {
  const deaths: [death: string, reason: string][] = [
    [`process.kill(process.pid, "SIGKILL")`, "memory"],
    [`process.abort()`, "memory"],
    [`process.exit(0)`, "crash"],
    [`process.disconnect()`, "crash"],
    [`setImmediate(() => { throw new Error("x") })`, "crash"],
  ];

  test.each(deaths)(
    "by %s, and had others before: a new one does the task, and those behind it",
    async (death, reason) => {
      const { emit, ...told } = collecting();
      const shop = renderer({ worker: await countingWorker(2, death), emit });
      const first = await shop.render(template("one"), "a", never);
      const others = await Promise.all([
        shop.render(template("two"), "b", never),
        shop.render(template("three"), "c", never),
      ]);
      // Each process dies at its second, so that a third begins.
      expect([first, ...others].map(String)).toEqual(["1", "1", "1"]);
      expect(told.ends()).toEqual([reason, reason]);
    },
  );

  test.each(deaths)("by %s, which is its first: it is refused, those behind it are done", async (death, reason) => {
    const { emit, ...told } = collecting();
    const shop = renderer({ worker: await countingWorker(1, death), emit });
    expect(await refusal(shop.render(template("one"), "a", never))).toBe(
      reason === "memory"
        ? "limit_exceeded: the template takes too much memory to make"
        : "unavailable: the process that makes it failed",
    );
    expect(told.ends()).toEqual([reason]);
  });

  test("by none of the signals that Node opens an inspector at", async () => {
    const file = join(await temporaryDirectory(), "worker.mjs");
    const code = `import { url } from "node:inspector";
      await import(${JSON.stringify(worker.href)});
      process.removeAllListeners("message");
      process.on("message", () => {
        process.kill(process.pid, "SIGUSR1");
        setTimeout(() => process.send({ ok: true, contents: Buffer.from(String(url())) }), 200);
      });`;
    await writeFile(file, code);
    const shop = renderer({ worker: pathToFileURL(file) });
    expect((await shop.render(template("x"), "a", never)).toString()).toBe("undefined");
  });
});

test("waiting secrets are bounded: the tenant with most of them is refused, others are not", async () => {
  const clock = new FakeClock();
  const shop = renderer({ clock, worker: await countingWorker() });
  const heavy = (n: number) => template(`${n}`, { a: "x".repeat(1 << 20) });
  const mallory = Array.from({ length: 20 }, (_, n) =>
    refusal(shop.render(heavy(n), "mallory", new AbortController().signal)),
  );
  const alice = [shop.render(template("alice"), "alice", never), shop.render(heavy(99), "alice", never)];
  await Promise.all(alice);
  const refusals = (await Promise.all(mallory)).filter((one) => one !== undefined);
  expect(refusals.length).toBeGreaterThanOrEqual(12);
  expect(new Set(refusals)).toEqual(
    new Set([
      "limit_exceeded: too much of this namespace waits to be made: at most 1000 files, and 8 MiB of all namespaces; it is made at a later Mount",
    ]),
  );
});

test.each<[string, Job, Job]>([
  ["the data", template("x", { a: "1" }), template("x", { a: "2" })],
  ["where the text ends", template("x1:", {}), template("x", {})],
  ["where a certificate ends", keystoreOf({ certificates: ["ab", "c"] }), keystoreOf({ certificates: ["a", "bc"] })],
  [
    "which is the key, which the password",
    keystoreOf({ key: new Redacted("a") }),
    keystoreOf({ password: new Redacted("a") }),
  ],
  ["whether it is legacy", keystoreOf({ legacy: true }), keystoreOf({ legacy: false })],
])("jobs that differ in %s are not taken for one another", async (_, one, other) => {
  const shop = renderer({ worker: await countingWorker() });
  const made = [
    await shop.render(one, "a", never),
    await shop.render(other, "a", never),
    await shop.render(one, "a", never),
  ];
  expect(made.map(String)).toEqual(["1", "2", "1"]);
});

test("a result that no republish uses is forgotten after ten minutes, and rendered again after that", async () => {
  const clock = new FakeClock();
  const shop = renderer({ clock, worker: await countingWorker() });
  const asked = async (...names: string[]) => {
    const made = [];
    for (const name of names) made.push((await shop.render(template(name), "a", never)).toString());
    return made;
  };
  expect(await asked("used", "unused")).toEqual(["1", "2"]);
  await clock.advance(9 * 60_000);
  expect(await asked("used")).toEqual(["1"]);
  await clock.advance(2 * 60_000);
  // The process had nothing to do for long, so that another counts from one.
  expect(await asked("used", "unused")).toEqual(["1", "1"]);
  await shop.close();
  expect([clock.sleepers, clock.timers]).toEqual([0, 0]);
});

test("kept refusals are bounded by what they take: those that name long keys are soon forgotten", async () => {
  const keys = Array.from({ length: 20 }, (_, n) => `${String.fromCharCode(1 + (n % 8)).repeat(63)}${n}`);
  const data = Object.fromEntries(keys.map((key) => [key, ""]));
  const seen = collecting();
  const made = renderer(seen);
  const refuse = (n: number) =>
    made.render(template(`{{ x${n} }}`, data), "shop", never).catch((reason: unknown) => ProviderError.from(reason));
  expect((await refuse(0)) as Error).toMatchObject({ message: expect.stringContaining("\\u0001") as string });
  // Of 16 KB each: more than the 4 MiB of all results.
  for (let n = 1; n <= 300; n += 1) await refuse(n);
  expect(seen.work()).toHaveLength(301);
  await refuse(0);
  expect(seen.work()).toHaveLength(302);
});

test("equal work is done once, at once and later", async () => {
  const { emit, ...told } = collecting();
  const shop = renderer({ emit });
  const job = template("{{ user }}");
  const [one, two] = await Promise.all([shop.render(job, "a", never), shop.render(job, "b", never)]);
  expect([one.toString(), two.toString()]).toEqual(["app", "app"]);
  expect(await refusal(shop.render(template("{{ no }}"), "a", never))).toMatch(/^not_found/);
  expect(told.failures()).toEqual([]);
  expect(told.work()).toEqual(["template ok", "template not_found"]);
});

test("a caller that gives up no longer waits, and no other is disturbed", async () => {
  const clock = new FakeClock();
  const shop = renderer({ clock });
  const leaving = new AbortController();
  const busy = refusal(shop.render(endless, "mallory", never));
  const left = refusal(shop.render(template("{{ user }}1"), "alice", leaving.signal));
  const stays = shop.render(template("{{ user }}2"), "alice", never);
  leaving.abort(new ProviderError("cancelled", "gone"));
  expect(await left).toBe("cancelled: gone");
  await until(() => clock.timers > 0);
  await clock.advance(2_000);
  await busy;
  expect((await stays).toString()).toBe("app2");
});

test("closing refuses what waits, and leaves no timer behind", async () => {
  const clock = new FakeClock();
  const shop = renderer({ clock });
  const waiting = [endless, template("{{ user }}")].map((job) => refusal(shop.render(job, "a", never)));
  await new Promise((resolve) => setImmediate(resolve));
  await shop.close();
  expect(await Promise.all(waiting)).toEqual(Array(2).fill("unavailable: keymount is stopping"));
  expect([clock.sleepers, clock.timers]).toEqual([0, 0]);
});

test("without its code nothing is rendered, and the reason is reported", async () => {
  const { emit, ...told } = collecting();
  const shop = renderer({ worker: new URL("file:///nowhere/worker.js"), emit });
  expect(await refusal(shop.render(template("x"), "a", never))).toBe(
    "unavailable: the process that makes it does not start",
  );
  expect(told.failures()).toHaveLength(1);
  expect(told.work()).toEqual(["template unavailable"]);
});

test("tells the variables of a template, or what is wrong with it", async () => {
  const shop = renderer();
  expect(await shop.look("{{ a.b }}", never)).toEqual({ names: [{ steps: ["a", "b"], line: 1, column: 4 }] });
  expect(await shop.look("{{ a", never)).toEqual({ mistake: '"{{ a" is not closed', line: 1, column: 1 });
});
