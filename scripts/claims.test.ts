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
const words: Record<string, string> = {
  ...{ "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "8": "Eight", "10": "ten" },
  ...{ "16": "sixteen", "20": "twenty", "30": "thirty" },
};
const inWords = (figure: string) => words[figure] ?? figure;
const secondsInWords = (ms: string) => inWords(seconds(ms));

const part = (parts: number) => (figure: string) => (Number(figure) / parts).toLocaleString("en");
const settings = "src/config/configuration-file.ts";

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
    of: ["src/leases/cached-secret-source.ts", /const requests = { most: (\d+)/],
    says: ["no other has one in flight) | | # | they wait"],
  },
  "bytes of one namespace's responses": {
    of: ["src/leases/cached-secret-source.ts", /perSecond: (\d+) << 20/],
    says: ["each at least 4 KiB | | # MiB/s, after"],
  },
  "bytes of one namespace's responses at once": {
    of: ["src/leases/cached-secret-source.ts", /burst: (\d+) << 20/],
    says: ["MiB/s, after # MiB at once"],
  },
  "rest after a piece": {
    of: ["src/shared/event-loop-scheduler.ts", /= \[(\d+), \d+\]/],
    says: ["after one of more than # ms"],
  },
  "longest rest after a piece": {
    of: ["src/shared/event-loop-scheduler.ts", /= \[\d+, (\d+)\]/],
    says: ["at most # ms"],
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
    as: secondsInWords,
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
    of: ["src/shared/backoff.ts", /doubled\((\d+) \* second/],
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
  "bytes of a secretPath": {
    of: ["src/mount/secret-path.ts", /const longest = (\d+)/],
    as: (bytes) => Number(bytes).toLocaleString("en"),
    says: ["at most # bytes and 64 segments"],
  },
  "segments of a secretPath": {
    of: ["src/mount/secret-path.ts", /const mostSteps = (\d+)/],
    says: ["at most 1,024 bytes and # segments"],
  },
  "PEM blocks of a file": {
    of: ["src/mount/formats/pem-blocks.ts", /const mostBlocks = (\d+)/],
    says: ["A file has at most # PEM blocks"],
  },
  "static secrets of a record": {
    of: ["src/leases/credential-state.ts", /const mostStaticBytes = (\d+) << 10/],
    says: [
      "as before, also while Vault is away: up to # KiB for a pod and role",
      "in one such record | # KiB |",
      "beside them # KiB for a pod",
    ],
  },
  "credentials of a record": {
    of: ["src/leases/credential-admission.ts", /const mostCredentialBytes = (\d+) << 20/],
    says: [
      "a pod's credentials have at most # MiB",
      "record in the state directory has them | # MiB",
      "one pod have # MiB",
    ],
  },
  "size of a record": {
    of: ["src/state/sealed-records.ts", /const largestFile = (\d+) << 20/],
    says: ["One of more than # MiB is moved"],
  },
  "static secrets of the state directory": {
    of: [settings, /\n  bytes: size.*default\((\d+) \* 2/],
    as: part(4),
    says: ["a quarter of `limits.bytes`, # MiB"],
  },
  "a namespace's share of static secrets of the state directory": {
    of: [settings, /\n  bytes: size.*default\((\d+) \* 2/],
    as: part(8),
    says: ["it leaves free: # MiB alone | as above"],
  },
  "memory in flight": {
    of: [settings, /\n  inFlightBytes: size.*default\((\d+) \* 2/],
    says: ["`limits.inFlightBytes`, # MiB"],
  },
  "a namespace's share of memory in flight": {
    of: [settings, /\n  inFlightBytes: size.*default\((\d+) \* 2/],
    as: part(2),
    says: ["it leaves free: # MiB alone | the response is refused"],
  },
  "memory of the cache": {
    of: [settings, /\n  bytes: size.*default\((\d+) \* 2/],
    says: ["`limits.bytes`, # MiB | static"],
  },
  "a namespace's share of the cache": {
    of: [settings, /\n  bytes: size.*default\((\d+) \* 2/],
    as: part(2),
    says: ["it leaves free: # MiB alone | no more are created", "half of `limits.bytes`, # MiB"],
  },
  "a namespace's share of offline copies": {
    of: [settings, /\n  bytes: size.*default\((\d+) \* 2/],
    as: part(4),
    says: ["it leaves free: # MiB alone | the namespace loses the copies"],
  },
  "responses of one Mount": {
    of: [settings, /\n  responseBytes: size.*default\(([\d.]+) \* 2/],
    as: part(1 / 2),
    says: ["twice `limits.responseBytes`, # MiB"],
  },
  "volumes of a node": {
    of: [settings, /\n  volumes: whole.*default\((\d+)/],
    as: part(1),
    says: ["`limits.volumes`, # | those"],
  },
  "a namespace's share of volumes": {
    of: [settings, /\n  volumes: whole.*default\((\d+)/],
    as: part(2),
    says: ["it leaves free: # alone | no more credentials"],
  },
  "time of a request": {
    of: [settings, /requestTimeout: duration.*default\(([\d_]+)/],
    as: seconds,
    says: ["`limits.requestTimeout` (# s)"],
  },
  "what renewals request": {
    of: [settings, /maxOrphan: duration.*default\(([\d_]+)/],
    as: (ms) => String(Number(seconds(ms)) / 3_600),
    says: ["at most `leases.maxOrphan` (# h)"],
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
  "levels below a path": {
    of: ["src/mount/list-secrets.ts", /const mostLevels = (\d+)/],
    as: (figure) => ({ "3": "third" })[figure] ?? figure,
    says: ["down to the # level"],
  },
  "requests of a volume": {
    of: ["src/mount/object-requests.ts", /const mostRequests = (\d+)/],
    says: [
      "A volume has at most # requests",
      "count once | # | | the Mount is refused",
      "count towards its # requests",
    ],
  },
  "objects after expansion": {
    of: ["src/mount/objects.ts", /characters: (\d+) << 10/],
    says: ["and # KiB and 10,000 values after expansion"],
  },
  "values of objects": {
    of: ["src/mount/objects.ts", /values: ([\d_]+)/],
    as: grouped,
    says: ["KiB and # values after expansion"],
  },
  "a number in objects": {
    of: ["src/mount/yaml-value.ts", /const longestNumber = ([\d_]+)/],
    as: grouped,
    says: ["and a number # characters"],
  },
  "names in keys": {
    of: ["src/mount/object-fields.ts", /const mostPatterns = ([\d_]+)/],
    as: grouped,
    says: ["`keys` takes at most # names"],
  },
  "a request of the driver": {
    of: ["src/rpc/server.ts", /max_receive_message_length": (\d+) \* 1_024/],
    says: ["the limit of # KiB for a whole request"],
  },
  "values of a response": {
    of: ["src/vault/vault-reply.ts", /const mostValues = ([\d_]+)/],
    as: grouped,
    says: ["a response of more than # names and values"],
  },
  "a keystore's password": {
    of: ["src/mount/formats/keystore-job.ts", /const password = .*\{1,(\d+)\}/],
    says: ["A password has 1 to # ASCII characters"],
  },
  "rounds of a keystore": {
    of: ["src/render/keystore.ts", /iterations = \{ aes: ([\d_]+)/],
    as: grouped,
    says: ["HMAC-SHA-256, # rounds"],
  },
  "rounds of a legacy keystore": {
    of: ["src/render/keystore.ts", /iterations = \{.* legacy: ([\d_]+)/],
    as: grouped,
    says: ["12, # rounds"],
  },
  "earlier refreshes": {
    of: ["src/leases/cached-secret-source.ts", /refreshFactor \?\?= 1 - 0\.(\d)/],
    as: (tenths) => `${tenths}0`,
    says: ["up to # % less for each volume"],
  },
  "retries of a pod that has its files": {
    of: ["src/leases/retry-delay.ts", /\* second, (\d+) \* minute, failures/],
    says: ["1 s to # min apart"],
  },
  "the start of the renewal window": {
    of: ["src/vault/lease-rules.ts", /renewFrom: (0\.6)\b/],
    as: (share) => Number(share).toFixed(2),
    says: ["past # to 0.72 of its grant", "at # to 0.72 of its last grant"],
  },
  "the end of the renewal window": {
    of: ["src/vault/term.ts", /renewFrom \+ (0\.\d+) \* draw/],
    as: (share) => (0.6 + Number(share)).toFixed(2),
    says: ["past 0.60 to # of its grant", "at 0.60 to # of its last grant"],
  },
  "logins at first": {
    of: ["src/vault/login-pace.ts", /const atFirst = (\d+)/],
    as: inWords,
    says: ["begin # at a time", "answers within a second: # at first"],
  },
  "requests that tell slow from busy": {
    of: ["src/vault/concurrency-limiter.ts", /const compared = (\d+)/],
    as: inWords,
    says: ["the fastest of the last #"],
  },
  "a read or login without a response": {
    of: ["src/vault/node-client.ts", /const firstByteMs = ([\d_]+)/],
    as: seconds,
    says: ["A read without a response in # s", "A login is given up after # s"],
  },
  "shortest pause of a circuit": {
    of: ["src/vault/circuit-breaker.ts", /const shortestMs = ([\d_]+)/],
    as: seconds,
    says: ["(# s at first"],
  },
  "the last answers of a stop": {
    of: ["src/daemon/start-credentials.ts", /const lastAnswersMs = ([\d_]+)/],
    as: secondsInWords,
    says: ["waits for open Vault requests (# seconds at most)", "It waits up to # seconds for logins"],
  },
  "open Mounts of a stop": {
    of: ["src/rpc/server.ts", /const defaultGraceMs = ([\d_]+)/],
    as: secondsInWords,
    says: ["with a final error after # seconds", "completes the open mounts, in # seconds at most"],
  },
  "everything of a stop": {
    of: ["src/cli/serve.ts", /const longestReleaseMs = ([\d_]+)/],
    as: seconds,
    says: ["is released, for # s at most"],
  },
  "a whole stop": {
    of: ["src/cli/serve.ts", /const longestReleaseMs = ([\d_]+)/],
    as: secondsInWords,
    says: ["keymount needs # at most"],
  },
  "longest call": {
    of: ["src/rpc/unary.ts", /const longestCallMs = ([\d_]+)/],
    as: seconds,
    says: ["at its deadline (# s at most)"],
  },
  "responses that leave whole": {
    of: ["src/rpc/whole-answers.ts", /const mostBytes = (\d+) \* 1_024/],
    says: ["Responses up to # KiB leave in one piece"],
  },
  "a request head at the health port": {
    of: ["src/http/health-server.ts", /headersTimeout: ([\d_]+)/],
    as: seconds,
    says: ["after # s without a complete request head"],
  },
  "a request at the health port": {
    of: ["src/http/health-server.ts", /requestTimeout: ([\d_]+)/],
    as: seconds,
    says: ["after # s without a complete request."],
  },
  "a result of the health port": {
    of: ["src/http/health-server.ts", /const freshMs = ([\d_]+)/],
    as: (ms) => ({ "1_000": "second" })[ms] ?? ms,
    says: ["are computed at most once a #,"],
  },
  "the key's file, again": {
    of: ["src/daemon/key-file.ts", /const readAgainMs = ([\d_]+)/],
    as: (ms) => ({ "60_000": "minute" })[ms] ?? ms,
    says: ["It is read again every #"],
  },
  "heap beside the limits": {
    of: ["src/config/heap-room.ts", /const ownBytes = (\d+) << 20/],
    says: ["`limits.inFlightBytes` and # MiB for everything else", "and # MiB; `serve` does not start", "and # MiB."],
  },
  "heap beside the limits, in the chart": {
    of: ["deploy/chart/templates/_helpers.tpl", /\$own := (\d+)/],
    says: ["and # MiB; `serve` does not start otherwise, and the chart refuses it"],
  },
  "memory beside the heap": {
    of: ["deploy/chart/templates/_helpers.tpl", /add \(int \.Values\.heapMiB\) (\d+)/],
    says: ["`heapMiB` and # MiB", "heapMiB and # MiB for what is not in the heap"],
  },
  "names in a message": {
    of: ["src/shared/quoted.ts", /const mostNames = (\d+)/],
    as: inWords,
    says: ["Names the objects, up to #"],
  },
  "refused values in a message": {
    of: ["src/config/policy.ts", /refusals\.slice\(0, (\d+)\)/],
    as: inWords,
    says: ["names the refused values, up to #"],
  },
  "secrets below a path": {
    of: ["src/mount/list-secrets.ts", /const mostSecrets = (\d+)/],
    says: ["At most # secrets and"],
  },
  "a record that cannot be restored": {
    of: ["src/state/sealed-records.ts", /const abandonedForMs = (\d+) \* 60 \* 60_000/],
    as: (hours) => ({ "24": "day" })[hours] ?? hours,
    says: ["stays for a # after it was written"],
  },
  "tokens that keymount requests": {
    of: ["src/kube/token-request.ts", /const lifeSeconds = (\d+)/],
    as: (life) => inWords(String(Number(life) / 60)),
    says: [
      "tokens of `tokenRequest.fallback` live for # minutes",
      "bound to the pod, # minutes, listed audiences only",
    ],
  },
  "reads of a key that may not be watched": {
    of: ["src/kube/key-secret.ts", /pollMs, pollJitterMs\] = \[1_000, ([\d_]+)/],
    as: seconds,
    says: ["the Secret is read every # to 90 s"],
  },
  "folders below a path": {
    of: ["src/mount/list-secrets.ts", /const mostFolders = (\d+)/],
    says: ["secrets and # folders are read"],
  },
  "life of a lease for a sync controller": {
    of: ["src/vault/lease-rules.ts", /const lateness = (0\.\d+)/],
    as: (lateness) => (2 * (1 + Number(lateness))).toFixed(1),
    says: ["lives shorter than # intervals", "must live at least # times the interval"],
  },
  "life of a credential without a lease for a sync controller": {
    of: ["src/vault/lease-rules.ts", /const lateness = (0\.\d+)/],
    as: (lateness) => (3 * (1 + Number(lateness))).toFixed(1),
    says: ["intervals of the controller (# without a lease)"],
  },
  "addresses that doctor connects to": {
    of: ["src/doctor/tcp-step.ts", /const mostTried = (\d+)/],
    says: ["each of the first # IP addresses"],
  },
  "a certificate that ends soon": {
    of: ["src/doctor/certificate-chain.ts", /const soonMs = (\d+) \* 86/],
    says: ["a warning within # days of an end"],
  },
  "clocks that differ": {
    of: ["src/doctor/health-step.ts", /const harmlessSkewMs = ([\d_]+)/],
    as: seconds,
    says: ["where clocks differ by # s or more"],
  },
  "a token request that the API server refuses": {
    of: ["src/doctor/driver-step.ts", /const leastSeconds = (\d+)/],
    says: ["where `expirationSeconds` is below #"],
  },
  "life of a requested token": {
    of: ["src/kube/token-request.ts", /const lifeSeconds = (\d+)/],
    as: (life) => inWords(String(Number(life) / 60)),
    says: ["a TokenRequest of # minutes"],
  },
  "end of a command of notify": {
    of: ["src/notify/run-command.ts", /const stopMs = ([\d_]+)/],
    as: secondsInWords,
    says: ["SIGTERM, and SIGKILL # seconds later"],
  },
  "shortest duration of an option": {
    of: ["src/cli/define-command.ts", /ms >= (\d+)/],
    says: ["like `5s` or `1m30s`, and at least # ms"],
  },
  "a step of doctor": {
    of: ["src/cli/command-table.ts", /default: "(\d+)s", text: "for one step"/],
    says: ["times out after `--timeout` (# s)"],
  },
  "what a quoted refusal is looked through for": {
    of: ["src/vault/masked-sentence.ts", /const mostSent = (\d+) << 10/],
    says: ["or more than # KiB was sent"],
  },
  "mistakes of an event": {
    of: ["src/mount/findings.ts", /const mostShown = (\d+)/],
    says: ["One event lists the first # mistakes", "Log lines and errors list the first # findings"],
  },
  "mistakes that check lists": {
    of: ["src/mount/findings.ts", /const mostRead = ([\d_]+)/],
    as: grouped,
    says: ["`keymount check` up to # of each SecretProviderClass"],
  },
  "size of a request of the driver": {
    of: ["src/rpc/server.ts", /max_receive_message_length": (\d+) \* 1_024/],
    says: ["# KiB for a whole request"],
  },
};

/** With the comments of the chart's values, whose lines go on in the next. */
const prose = [...pages, "deploy/chart/values.yaml"].map((page) => ({
  page,
  text: at(page)
    .replaceAll(/\n *# /g, " ")
    .replaceAll(/\s+/g, " "),
}));

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

test("docs/operations.md has each event of a pod, with its type, and no other", () => {
  const section = at("docs/operations.md").split("\n## Events of pods\n")[1]!.split("\n## ")[0]!;
  const rows = [...section.matchAll(/^\| `(\w+)` \| (Normal|Warning) \|/gm)].map(
    ([, reason, type]) => `${type} ${reason}`,
  );
  const told = [...at("src/daemon/pod-events.ts").matchAll(/"(Normal|Warning)", "(\w+)"/g)];
  expect(rows.sort()).toEqual([...new Set(told.map(([, type, reason]) => `${type} ${reason}`))].sort());
});
