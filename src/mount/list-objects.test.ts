import { describe, expect, test } from "vitest";
import { samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { inProcessRenderer } from "../../dev/testing/in-process-renderer.js";
import { transactionBy } from "../../dev/testing/read-requests.js";
import { ProviderError } from "../shared/errors.js";
import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { Redacted } from "../shared/redacted.js";
import { mountVolume } from "./mount-volume.js";
import { readObjects } from "./objects.js";
import type { Fetch, MountTransaction } from "./ports.js";

class CountingScheduler extends EventLoopScheduler {
  turns = 0;

  override turn(...of: Parameters<EventLoopScheduler["turn"]>): Promise<void> {
    this.turns += 1;
    return super.turn(...of);
  }
}

/** Every look at it finds that milliseconds have passed: whoever may take a turn does. */
class HurryingClock extends FakeClock {
  #now = 0;

  override monotonic(): number {
    this.#now += 5;
    return this.#now;
  }
}

const list = <T>(count: number, one: (n: number) => T) => Array.from({ length: count }, (_, n) => one(n));
const object = (name: string, path: string, more = "") => `- {objectName: ${name}, secretPath: ${path}${more}}`;

/** What a Mount asked of its transaction, and came to. `folders` is what each LIST answers, by its path. */
async function mounted(written: readonly string[], folders: Record<string, readonly string[]>) {
  const reads: Fetch[][] = [];
  const invalidated: string[] = [];
  const answering = transactionBy(({ method, path }) => {
    const keys = folders[path];
    if (method === "LIST" && !keys) throw new ProviderError("not_found", `nothing at ${path}`);
    return { body: new Redacted({ data: method === "LIST" ? { keys: [...keys!] } : { k: "v" } }) };
  });
  const transaction: MountTransaction = {
    ...answering,
    read(fetches, onDenied, signal) {
      reads.push([...fetches]);
      return answering.read(fetches, onDenied, signal);
    },
    invalidate: ({ path }) => void invalidated.push(path),
  };
  const clock = new HurryingClock();
  const scheduler = new CountingScheduler(new FakeClock());
  const parts = {
    answers: { begin: () => transaction },
    renderer: inProcessRenderer,
    clock,
    scheduler,
    versionKey: () => Promise.resolve(new Redacted(Buffer.alloc(32, 1))),
    responseBytes: 1 << 20,
  };
  const { objects, findings } = readObjects(written.join("\n"), 60_000);
  expect(findings).toEqual([]);
  const spec = {
    pod: samplePrincipal().pod,
    class: { roleName: "web", onDenied: "keep" as const, objects, overruled: [], unknown: [] },
    tokens: new Map(),
    targetPath: "/target",
    defaultMode: 0o644,
    parametersDigest: "digest",
  };
  const outcome = await mountVolume(spec, samplePrincipal(), parts, new AbortController().signal).then(
    ({ files }) => ({ files: files.map(({ path }) => path), says: "" }),
    (error: unknown) => ({ files: [], says: (error as Error).message }),
  );
  const sent = new Set(reads.flat());
  return {
    ...outcome,
    reads: reads.map(({ length }) => length),
    options: reads.flat().flatMap(({ request, options }) => (request.method === "LIST" ? options : [])),
    /** Requests that Vault is sent, for each `Fetch` of a transaction is one. */
    lists: [...sent].flatMap(({ request }) => (request.method === "LIST" ? [request.path] : [])),
    gets: [...sent].filter(({ request }) => request.method === "GET").length,
    invalidated: new Set(invalidated),
    turns: scheduler.turns,
  };
}

/** So many folders of one secret each below `kv/metadata/NAME`. */
function tree(name: string, folders: number): Record<string, readonly string[]> {
  const below = list(folders, (n) => [`kv/metadata/${name}/f${n}`, ["s"]] as const);
  return { [`kv/metadata/${name}`]: list(folders, (n) => `f${n}/`), ...Object.fromEntries(below) };
}

describe("objects that read everything below one path", () => {
  test("a hundred of them list it once, in as many reads as it has levels", async () => {
    const hundred = list(100, (n) => object(`o${n}/`, "kv/data/shop/", ", keys: [f0/s/k]"));
    const { files, reads } = await mounted(hundred, tree("shop", 99));
    expect(files).toEqual(list(100, (n) => `o${n}/f0/s/k`));
    expect(reads).toEqual([1, 99, 99]);
  });

  const folders = {
    "kv/metadata/shop": ["a", "web/"],
    "kv/metadata/shop/web": ["b", "x/"],
    "kv/metadata/shop/web/x": ["c"],
  };
  test.each<[string, string[]]>([
    ["the same path, written otherwise", [object("p/", "kv/data/shop/"), object("q/", "/v1/kv/metadata/shop//")]],
    ["one that is optional", [object("p/", "kv/data/shop/"), object("q/", "kv/data/shop/", ", optional: true")]],
    ["a folder of the other", [object("p/", "kv/data/shop/"), object("q/", "kv/data/shop/web/")]],
    ["a folder of the other, named before", [object("p/", "kv/data/shop/web/x/"), object("q/", "kv/data/shop/")]],
    ["the list itself", [object("p/", "kv/data/shop/"), object("q", "kv/metadata/shop", ", method: LIST")]],
    ["the list of a folder", [object("p/", "kv/data/shop/"), object("q", "kv/metadata/shop/web", ", method: LIST")]],
  ])("share each list and each secret with %s", async (_what, objects) => {
    const { files, lists, gets } = await mounted(objects, folders);
    expect(files.length).toBeGreaterThan(3);
    expect(lists.sort()).toEqual(Object.keys(folders).sort());
    expect(gets).toBe(3);
  });

  test("share a list that is as fresh, and as needed, as whoever needs it most", async () => {
    const [optional, needed] = [
      object("p/", "kv/data/shop/", ", optional: true, refreshInterval: 1h"),
      object("q/", "kv/data/shop/", ", refreshInterval: 2m"),
    ];
    for (const objects of [
      [optional, needed],
      [needed, optional],
    ]) {
      const { options } = await mounted(objects, folders);
      for (const one of options) expect(one).toMatchObject({ optional: false, refreshIntervalMs: 120_000 });
    }
  });

  test("others have their turn before each step of the listing, and before each object", async () => {
    const paths = list(40, (n) => `t${n}`);
    const trees = Object.assign({}, ...paths.map((path) => tree(path, 1))) as Record<string, string[]>;
    const { files, turns } = await mounted(
      paths.map((path) => object(`${path}/`, `kv/data/${path}/`)),
      trees,
    );
    expect(files).toHaveLength(40);
    expect(turns).toBeGreaterThanOrEqual(40 * 3 + 40);
  });
});

describe("a volume of recursive reads", () => {
  const full = { ...tree("shop", 99), "kv/metadata/shop/f0": ["s", "t"] };
  const whole = object("all/", "kv/data/shop/");
  const below = (name: string) =>
    `${name}/: with what is below "kv/data/${name}", the volume asks Vault for more than 200 things, lists included; name a path below it, or use several classes and volumes`;

  test("may ask for two hundred things", async () => {
    const { files, lists, gets } = await mounted([whole], full);
    expect([files.length, lists.length, gets]).toEqual([100, 100, 100]);
  });

  const many = Object.assign({}, ...list(100, (n) => tree(`t${n}`, 99))) as Record<string, readonly string[]>;
  test.each<[string, string[], Record<string, readonly string[]>, string, number[]]>([
    [
      "a hundred trees of a hundred folders",
      list(100, (n) => object(`t${n}/`, `kv/data/t${n}/`)),
      many,
      below("t1"),
      [100],
    ],
    [
      "a tree too many",
      list(3, (n) => object(`t${n}/`, `kv/data/t${n}/`)),
      { ...many, "kv/metadata/t0": ["s"] },
      below("t2"),
      [3],
    ],
    [
      "one secret beside as much as may be",
      [object("one", "kv/data/other"), whole],
      full,
      below("shop").replace("shop/", "all/"),
      [1, 99],
    ],
  ])("is refused more, before that is asked for: %s", async (_what, objects, folders, says, reads) => {
    const refused = await mounted(objects, folders);
    expect(refused.says).toBe(says);
    expect(refused.reads, "lists of each level").toEqual(reads);
    expect(refused.gets).toBe(0);
    expect([...refused.invalidated], "the next Mount lists again").toEqual(expect.arrayContaining(refused.lists));
  });
});
