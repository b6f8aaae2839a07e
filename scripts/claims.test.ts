import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const at = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const docs = readdirSync(new URL("../docs/", import.meta.url)).filter((name) => name.endsWith(".md"));
const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "deploy/chart/README.md"].concat(
  docs.map((name) => `docs/${name}`),
);

/** A figure of the code, as its source writes it, and each sentence of a page that has it: `#` stands for the figure. */
interface Claim {
  of: [file: string, source: RegExp];
  /** How the page writes what the source writes. */
  as?: (figure: string) => string;
  says: string[];
}

const seconds = (ms: string) => String(Number(ms.replaceAll("_", "")) / 1000);
const minutes = (product: string) => product.split(" * ")[0]!;
const kibibytes = (bytes: string) => String(Number(bytes.replaceAll("_", "")) / 1024);
const grouped = (figure: string) => figure.replace("_", ",");
const inWords = (figure: string) =>
  ({ "8": "Eight", "6": "six", "2": "two", "4": "four", "3": "three", "5": "five", "10": "ten" })[figure] ?? figure;
const thirty = (ms: string) => ({ "30_000": "thirty" })[ms] ?? ms;

const claims: Record<string, Claim> = {
  "heap of the render worker": {
    of: ["src/render/work-process.ts", /--max-old-space-size=(\d+)/],
    says: ["# MiB of heap"],
  },
  "time of a rendered file": {
    of: ["src/render/render-worker.ts", /const taskMs = ([\d_]+)/],
    as: seconds,
    says: ["# seconds and 24 MiB", "and # seconds for each file", "a file took more than # s"],
  },
  "idle render worker": {
    of: ["src/render/render-worker.ts", /const idleMs = ([\d_]+)/],
    as: seconds,
    says: ["ends after # seconds without work"],
  },
  "unused rendered files": {
    of: ["src/render/render-worker.ts", /const unusedMs = (\d+ \* [\d_]+)/],
    as: (product) => inWords(minutes(product)),
    says: ["no Mount used for # minutes"],
  },
  "sources of a template": {
    of: ["src/mount/template-fields.ts", /const mostSources = (\d+)/],
    says: ["at most # sources"],
  },
  "secrets of a template": {
    of: ["src/mount/template-job.ts", /const mostData = (\d+) << 20/],
    says: ["with # MiB of secrets as JSON", "the secrets of a template at most # MiB of JSON"],
  },
  "rendered output": { of: ["src/render/tasks.ts", /mostContents = (\d+) << 20/], says: ["# MiB of output"] },
  "requests of one namespace": {
    of: ["src/leases/cached-secret-source.ts", /const askedAtOnce = (\d+)/],
    says: ["half of these) | | # | they wait"],
  },
  "failures remembered": {
    of: ["src/leases/cached-secret-source.ts", /const rememberedBytes = (\d+) << 20/],
    says: ["Failures of reads are remembered in # MiB at most"],
  },
  "failed logins remembered": {
    of: ["src/vault/token-store.ts", /const rememberedBytes = (\d+) << 20/],
    says: ["those of logins in another # MiB"],
  },
  "waiting Mounts": {
    of: ["src/daemon/daemon.ts", /const inFlightBytes = (\d+) << 20/],
    says: ["waiting Mounts use # MiB at most"],
  },
  "renewals at once": {
    of: ["src/leases/renewal-slots.ts", /const ofPool = (\d+)/],
    as: inWords,
    says: ["# renewals of tokens and eight of leases run at once"],
  },
  "renewals of one engine": {
    of: ["src/leases/renewal-slots.ts", /const ofEngine = (\d+)/],
    as: inWords,
    says: ["One engine uses # of them at most"],
  },
  "a pod that is gone": {
    of: ["src/daemon/pod-reaper.ts", /const graceMs = ([\d_]+)/],
    as: thirty,
    says: [
      "# seconds after the API server confirms it",
      "the revocation follows # seconds later",
      "confirmed it # seconds before",
      "# seconds after the API server has confirmed it",
    ],
  },
  "failures that open a circuit": {
    of: ["src/vault/circuit-breaker.ts", /const threshold = (\d+)/],
    as: inWords,
    says: ["that failed # times in a row", "After # failures in a row"],
  },
  "longest pause of a circuit": {
    of: ["src/vault/circuit-breaker.ts", /const longestMs = ([\d_]+)/],
    as: seconds,
    says: ["about # s at most"],
  },
  "connections to the health port": {
    of: ["src/http/health-server.ts", /connectionLimits = \{ all: (\d+)/],
    says: ["# connections are open at once"],
  },
  "connections of one address": {
    of: ["src/http/health-server.ts", /connectionLimits = \{ all: \d+, each: (\d+)/],
    says: ["at once, # from one address"],
  },
  "answers of the health port": {
    of: ["src/http/health-server.ts", /const answersPerSecond = (\d+)/],
    says: ["One address gets # responses a second"],
  },
  "requests of a connection to the health port": {
    of: ["src/http/health-server.ts", /const requestsPerConnection = (\d+)/],
    says: ["closes after # requests"],
  },
  "length of a log field": {
    of: ["src/telemetry/bounded-fields.ts", /const longestField = ([\d_]+)/],
    as: kibibytes,
    says: ["Texts are truncated at # KiB"],
  },
  "length of a log line": {
    of: ["src/telemetry/bounded-fields.ts", /const longestLine = ([\d_]+)/],
    as: kibibytes,
    says: ["log lines end at # KiB", "lists and lines at about # KiB"],
  },
  "length of an error": {
    of: ["src/shared/errors.ts", /const longestMessage = ([\d_]+)/],
    as: kibibytes,
    says: ["errors at # KiB"],
  },
  "uncaught errors": {
    of: ["src/daemon/uncaught-exceptions.ts", /const mostPerMinute = (\d+)/],
    as: inWords,
    says: ["more than # within a minute"],
  },
  "the key's file": {
    of: ["src/daemon/key-file.ts", /const keyBytes = (\d+)/],
    says: ["# random bytes"],
  },
  "writes of one event": {
    of: ["src/kube/event-recorder.ts", /const seriesBurst = (\d+)/],
    as: inWords,
    says: ["at most # times at once, then every five minutes"],
  },
  "events of a pod": {
    of: ["src/kube/event-recorder.ts", /const podBurst = (\d+)/],
    says: ["A pod gets up to # writes at once"],
  },
  "events of a node": {
    of: ["src/kube/event-recorder.ts", /const nodeBurst = (\d+)/],
    says: ["a node # and one more every second"],
  },
  "logins after an outage": {
    of: ["src/vault/token-store.ts", /const spreadMs = (\d+) \* 60_000/],
    as: inWords,
    says: ["are spread over # minutes", "with logins spread over # minutes"],
  },
  "volumes without a Mount": {
    of: ["src/leases/secret-cache.ts", /const silenceMs = (\d+) \* 60 \* 60_000/],
    says: ["has had no Mount for # h"],
  },
  "reads of a volume whose secrets change": {
    of: ["src/leases/volume-transaction.ts", /const togetherMs = ([\d_]+)/],
    says: ["once more # ms later"],
  },
  "requests of a renewal after a failure": {
    of: ["src/vault/backoff.ts", /doubled\((\d+) \* second/],
    says: ["a ceiling that doubles from # s"],
  },
  "failing renewals of one role": {
    of: ["src/leases/renewal-slots.ts", /\[ofFailingPath, ofAllFailing\] = \[(\d+)/],
    as: inWords,
    says: ["with a failed last renewal use # each"],
  },
  "failing renewals together": {
    of: ["src/leases/renewal-slots.ts", /\[ofFailingPath, ofAllFailing\] = \[\d+, (\d+)/],
    as: inWords,
    says: ["use two each and # together"],
  },
  "objects of a class": {
    of: ["src/mount/objects.ts", /const mostObjects = (\d+)/],
    says: ["a YAML list of 1 to # maps"],
  },
  "size of objects": { of: ["src/mount/objects.ts", /const mostBytes = (\d+) << 10/], says: ["It may have # KiB"] },
  "size of secretArgs": {
    of: ["src/mount/objects.ts", /const mostArgsBytes = (\d+) << 10/],
    says: ["together may have # KiB as JSON"],
  },
  "segments of a file's path": {
    of: ["src/mount/object-name.ts", /const mostSteps = (\d+)/],
    says: ["at most # segments"],
  },
  "files of a folder": {
    of: ["src/mount/key-files.ts", /const mostFiles = ([\d_]+)/],
    as: grouped,
    says: ["A folder has at most # files"],
  },
  "patterns of keys": {
    of: ["src/mount/object-fields.ts", /const mostGlobs = (\d+)/],
    says: ["names and # patterns"],
  },
  "patterns times keys": {
    of: ["src/mount/key-files.ts", /const mostMatches = ([\d_]+)/],
    as: grouped,
    says: ["patterns and keys is at most #"],
  },
  "secrets below a path": {
    of: ["src/mount/list-secrets.ts", /const mostSecrets = (\d+)/],
    says: ["At most # secrets and"],
  },
  "folders below a path": {
    of: ["src/mount/list-secrets.ts", /const mostFolders = (\d+)/],
    says: ["secrets and # folders are read"],
  },
};

const prose = pages.map((page) => ({ page, text: at(page).replaceAll(/\s+/g, " ") }));

test.each(Object.entries(claims))("%s: every page says what the code does", (_, { of: [file, source], as, says }) => {
  const found = source.exec(at(file))?.[1];
  expect(found, `${file} has no ${source}`).toBeDefined();
  const figure = as ? as(found!) : found!;
  for (const sentence of says) {
    const [before = "", after = ""] = sentence.split("#");
    const quoted = (text: string) => text.replaceAll(/[|()*.\\?+[\]{}^$]/g, String.raw`\$&`);
    const pattern = new RegExp(`${quoted(before)}(\\w+(?:[,.]\\w+)*)${quoted(after)}`, "gi");
    const said = prose.flatMap(({ page, text }) => [...text.matchAll(pattern)].map(([, value]) => ({ page, value })));
    expect(said, `no page says "${sentence}"`).not.toEqual([]);
    expect(said.filter(({ value }) => value!.toLowerCase() !== figure.toLowerCase())).toEqual([]);
  }
});
