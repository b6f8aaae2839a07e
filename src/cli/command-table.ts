import { olderFlags, optionsHelp, settings } from "../config/settings.js";
import { otherProviders } from "./other-providers.js";
import type { Definition, OptionDefinition } from "./define-command.js";

const output = {
  output: { short: "o", choices: ["table", "json"], default: "table", text: "text for people, or one JSON object" },
  json: { excludes: ["output"], text: "the same as -o json" },
} as const satisfies Definition["options"];

const node = {
  "state-dir": { value: "DIR", text: "keymount's state directory; by default as the configuration file says" },
  config: {
    value: "FILE",
    excludes: ["state-dir"],
    text: "the configuration file",
    default: "/etc/keymount/keymount.yaml",
  },
} as const satisfies Definition["options"];

/** What `serve` takes; by the first of its names. */
const serveOptions: Readonly<Record<string, OptionDefinition>> = Object.fromEntries([
  ...settings.flatMap(({ flags, value, text, default: usual }) =>
    flags.map((flag): [string, OptionDefinition] => [
      flag,
      { text, ...(value && { value }), ...(usual && { default: usual }) },
    ]),
  ),
  ...Object.entries(olderFlags).map(([flag, { note }]): [string, OptionDefinition] => [flag, { text: note }]),
]);

/** Every command, in the order of `keymount help`. */
export const commandTable = {
  serve: {
    summary: "Runs the provider; also the default without a command",
    usage: "[OPTION…]",
    about: `Runs the provider: answers the CSI driver's calls at a unix socket until SIGTERM or SIGINT, then finishes what is open and
ends. A second signal ends it at once.`,
    options: {
      "check-config": {
        text: "report every mistake of the configuration (file, variables and flags) and end, without asking the cluster or Vault",
      },
    },
    passed: serveOptions,
    namesMistakes: true,
    more: optionsHelp(),
    exits: {
      0: "stopped as asked",
      1: "failed, or with --check-config any mistake",
      2: "invalid configuration (every mistake is named)",
    },
  },
  mount: {
    summary: "Acts as the CSI driver: mounts a SecretProviderClass into a directory",
    usage: "-f FILE --out DIR [OPTION…]",
    about: `Acts as the Secrets Store CSI driver: sends a running provider the Mount that the driver would send for a pod, and writes
the answer into DIR as the driver does. Prints the files, their modes, sizes and versions; never their contents.`,
    options: {
      file: { short: "f", value: "FILE", text: "the file with the SecretProviderClass; - is the standard input" },
      class: { value: "NAME", text: "the class, where the file has several" },
      out: { value: "DIR", text: "the volume: empty, missing, or written by an earlier mount" },
      "token-file": {
        value: "FILE",
        text: "a service account token (kubectl create token …), from which pod and account are taken where no option names them; by default a running keymount dev is asked for a token",
      },
      audience: { value: "NAME", text: "of the token; by default the token's, then the class's, then vault" },
      namespace: { short: "n", value: "NAME", text: "of the pod; by default the class's, then default" },
      pod: { value: "NAME", text: "the pod's name; by default the token's, then web-0" },
      "service-account": { value: "NAME", text: "the pod's account; by default the token's, then default" },
      uid: { value: "UID", text: "of the pod; by default made of its namespace and name" },
      socket: {
        value: "SOCKET",
        text: "of the provider; by default /var/run/secrets-store-csi-providers/<spec.provider>.sock",
      },
      timeout: { value: "DURATION", default: "2m", text: "for one mount" },
      watch: {
        short: "w",
        text: "mount repeatedly until interrupted, and print what changes; the files stay when a mount is refused",
      },
      interval: { value: "DURATION", default: "5s", needs: ["watch"], text: "between two mounts of --watch" },
      ...output,
    },
    json: `{"event": "mounted", "time", "class", "pod": {"namespace", "name", "serviceAccount", "uid"}, "directory",
 "files": [{"path", "mode": "0644", "bytes", "version"}], "stale": [{"object", "code", "message"}]}
{"event": "refused", "time", "code", "message"} instead, where the mount is refused
With --watch one object per line; after the first:
{"event": "added"|"changed"|"removed", "time", "path", "version"?}
{"event": "refused", "time", "code", "message"} (the files stay), and {"event": "answered", "time"} after it
{"event": "stale", "time", "stale": [{"object", "code", "message"}]}, and {"event": "fresh", "time"} after it`,
    exits: {
      0: "mounted (with --watch: until interrupted)",
      1: "refused or failed",
      2: "wrong usage or no such class",
    },
  },
  check: {
    summary: "Reports every mistake in SecretProviderClass and configuration files, offline",
    usage: "[-f] FILE… [OPTION…]",
    about: `Reads the SecretProviderClasses in the files, without any server, and reports every mistake as FILE:LINE:COLUMN: MESSAGE.
Files may have several documents; those of other kinds are skipped, and so are classes of other well-known providers
(${[...otherProviders].join(", ")}). A class that is there twice is a mistake within a file, and a warning between files.
A configuration file of keymount's is checked, too; with the flags and variables of the provider: keymount serve
--check-config.`,
    operands: "FILE…",
    options: {
      filename: {
        short: "f",
        value: "FILE",
        multiple: true,
        text: "a file or a directory of .yaml, .yml and .json files, as kubectl takes them; - is the standard input",
      },
      recursive: { short: "R", text: "directories with all that is in their directories" },
      require: { text: "fail where there is no SecretProviderClass to check" },
      ...output,
    },
    json: `{"files": [{"file", "configuration"?: true, "classes": ["name"], "skipped": [{"kind", "provider"?, "line"}],
  "remarks": [{"level": "mistake"|"warning", "line", "column", "class", "message"}]}],
 "mistakes": 0, "warnings": 0}`,
    exits: {
      0: "no mistakes (warnings do not count)",
      1: "mistakes, or with --require no class at all",
      2: "wrong usage or an unreadable file",
    },
  },
  migrate: {
    summary: "Writes the configuration file for the SecretProviderClasses of another provider",
    usage: "-f FILE… [--daemonset FILE] [OPTION…] [FLAG OF THE OTHER PROVIDER…]",
    about: `Reads the classes of vault-csi-provider or openbao-csi-provider, writes the configuration file they need, and reports of
each class whether it works as it is, behaves otherwise, or would be refused, and why (docs/migration.md). Asks no server.
Without --write the file goes to standard output, and the report to standard error.`,
    options: {
      file: {
        short: "f",
        value: "FILE",
        multiple: true,
        text: 'what "kubectl get secretproviderclass -A -o yaml" prints; - is the standard input',
      },
      daemonset: {
        value: "FILE",
        text: "what \"kubectl get daemonset,configmap,csidriver -n NAMESPACE -o yaml\" prints: the other provider's settings, its directories of the node, the Agent beside it, and the audiences of the driver's tokens",
      },
      provider: {
        choices: ["vault", "openbao"],
        text: "whose classes; by default the DaemonSet's, else vault",
      },
      namespace: { short: "n", value: "NAME", default: "default", text: "of classes that name none" },
      write: { value: "FILE", text: "a new file for the configuration, instead of standard output" },
      values: {
        text: "write values of keymount's chart: the configuration under config, and what the chart has of its own (key, sockets)",
      },
      "secret-sync": {
        value: "FILE",
        needs: ["service-account"],
        text: "a new file for the SecretSyncs of secrets-store-sync-controller that take the place of secretObjects",
      },
      "service-account": {
        value: "NAME",
        needs: ["secret-sync"],
        text: "with --secret-sync: the service account, in the namespace of each class, as which they log in",
      },
      ...output,
    },
    passed: serveOptions,
    more: `The other provider's flags (--vault-addr, --vault-mount, --vault-namespace, --vault-tls-…, and with openbao- in front)
take precedence over the DaemonSet's; -- may stand before them.
`,
    json: `{"classes": [{"namespace", "name", "connection"?, "outcome": "same"|"different"|"refused", "reasons": [], "notes": []}],
 "audiences": [], "blockers": [], "notes": [], "skipped": {"PROVIDER": 0}, "configuration": "the file's text",
 "secretSyncs"?: {"amount": 0, "refused": [{"namespace", "name", "secret", "reasons": []}],
   "credentials": [{"namespace", "name", "objects": []}]}}`,
    exits: {
      0: "every class would be served",
      1: "some would be refused, a Secret cannot be synced, or something else must be changed before the switch (the files are written all the same)",
      2: "wrong usage or an unreadable input",
    },
  },
  doctor: {
    summary: "Checks each step of a mount and reports what is broken, and who can fix it",
    usage: "[OPTION…] [OPTION OF serve…]",
    about: `Checks each step of a Mount, from the driver's socket to each secret, and reports what is broken and who can fix it
(docs/doctor.md). Reads serve's flags, environment and file; in keymount's own container, without any of serve's flags,
those that serve was started with. It does not disturb a running provider, and prints no token and no secret.`,
    options: {
      file: { short: "f", value: "FILE", text: "the file with the SecretProviderClass; - is the standard input" },
      class: {
        value: "NAME",
        text: "the class, where the file has several; without a file, of the cluster's ([NAMESPACE/]NAME)",
      },
      namespace: {
        short: "n",
        value: "NAME",
        text: "of the application; by default the token's, then the class's, then default",
      },
      "service-account": { value: "NAME", text: "by default the token's, then default" },
      "token-file": {
        value: "FILE",
        text: "a token of that account (kubectl create token …, also with -o yaml); - is the standard input; a TokenRequest in the class's file does as well; without either a keymount dev beside the provider's socket is asked for one or, inside a cluster, the API server",
      },
      pod: {
        value: "NAME",
        needs: ["uid"],
        excludes: ["token-file"],
        text: "bind the token that is asked for to this pod; with --uid",
      },
      uid: { value: "UID", needs: ["pod"], text: "of that pod" },
      "read-all": { needs: ["file", "class"], text: "also read objects that are created or issued at every read" },
      strict: { text: "exit with 1 also where the check is incomplete" },
      timeout: { value: "DURATION", default: "10s", text: "for one step" },
      ...output,
    },
    passed: serveOptions,
    json: `{"result": "passed"|"broken"|"incomplete",
 "steps": [{"step", "subject", "result": "passed"|"broken"|"skipped", "ms",
   "facts"?, "warnings"?, "problem"?, "what"?, "each"?, "fix"?, "who"?, "because"?}]}`,
    exits: {
      0: "nothing is broken in what was checked",
      1: "something is, or with --strict something was not checked",
      2: "wrong usage or an unreadable file",
    },
  },
  leases: {
    summary: "Lists the tokens, leases and issued secrets of this node",
    usage: "[OPTION…]",
    about: `Asks the keymount that runs on this node for its tokens, leases and certificates: their owners, and the next action for
each. Never a value, nor a lease's id.

  kubectl -n keymount exec ds/keymount -- keymount leases`,
    options: {
      ...node,
      namespace: { short: "n", value: "NAME", text: "of this Kubernetes namespace only" },
      pod: { value: "NAME", text: "of this pod only" },
      ...output,
    },
    json: `{"credentials": [{"kind": "token"|"lease"|"issued", "engine", "connection", "vaultNamespace", "path",
  "role", "tokenAccessor", "namespace", "pods": [{"namespace", "name", "uid"}], "volumes": 0,
  "state": "held"|"due"|"ending"|"replaced"|"dead"|"leaving", "renewAt"?, "replaceAt"?, "endsAt"?, "failures": 0}]}`,
    exits: { 0: "listed", 1: "no keymount runs there", 2: "wrong usage or an unreadable configuration file" },
  },
  notify: {
    summary: "Tells a program in the pod that the files of a volume have changed",
    usage: "DIR… ACTION [OPTION…] [-- COMMAND…]",
    about: `For a sidecar, or in front of a program that does not watch its files: waits until the files of the volumes mounted at
DIR… change, and acts once for all that change together. It needs no right in Kubernetes, and works for Secrets and ConfigMaps, too.
The action is one of:

  --signal HUP --process nginx      a signal to another container's process (shareProcessNamespace: true in the pod)
  --http http://127.0.0.1/-/reload  a request
  --exec -- COMMAND…                a command, with the changed directories in KEYMOUNT_VOLUMES, separated by colons
  --run -- COMMAND…                 runs the command all the time, and restarts it; with --signal or --http that instead`,
    operands: "DIR…",
    runs: true,
    options: {
      signal: {
        value: "NAME",
        excludes: ["http", "exec"],
        text: "send this signal, for example HUP, to --process or to the command of --run",
      },
      process: {
        value: "NAME",
        needs: ["signal"],
        excludes: ["run"],
        text: "its program's base name or the kernel's name for it (ps -o comm); of parents and children of that name the parents, as nginx needs it",
      },
      http: { value: "URL", excludes: ["exec"], text: "send a request without a body; a 2xx is success" },
      method: { choices: ["POST", "PUT", "GET"], default: "POST", needs: ["http"], text: "of --http" },
      exec: { excludes: ["run"], text: "run the command after -- at each change; the next one waits for its end" },
      run: {
        text: "start the command after --, once the volumes are there; it gets the signals that keymount gets, and keymount ends when it ends",
      },
      initial: {
        excludes: ["run"],
        text: "act at the start, too: a sidecar that was restarted may have missed a change",
      },
      debounce: { value: "DURATION", default: "1s", text: "changes that follow one within that time belong to it" },
      interval: {
        value: "DURATION",
        default: "10s",
        text: "look at the volumes that often, beside the events of inotify",
      },
      timeout: {
        value: "DURATION",
        default: "30s",
        excludes: ["signal"],
        text: "for one request, for the command of --exec, and between SIGTERM and SIGKILL when --run restarts",
      },
    },
    more: `A signal or a request that fails is tried again four times in 15 s, a command is not. keymount says so on standard error,
and waits for the next change.
`,
    exits: {
      0: "stopped by SIGTERM or SIGINT; with --run the command's own exit code, 128 plus the signal's number where one ended it",
      1: "failed",
      2: "wrong usage, or a directory that never changes (a mount by subPath)",
      126: "the command of --run could not be started",
      127: "the command of --run does not exist",
    },
  },
  "revoke-all": {
    summary: "Revokes all tokens of this node, before uninstalling",
    usage: "--yes [OPTION…]",
    about: `For uninstalling: tells the keymount that runs on this node to revoke all of its Vault tokens, and with them every lease.
The logins in the pods' files stop working. keymount serves no Mount after that until it is restarted.

  kubectl -n keymount exec POD -- keymount revoke-all --yes     (for the keymount pod of each node)`,
    options: { yes: { text: "revoke; without it, nothing is done" }, ...node, ...output },
    json: `{"revoked": 0, "failed": 0, "retried": 0, "undeleted": 0}`,
    exits: {
      0: "all were revoked, and their records deleted",
      1: "some were not, or not yet (those that Vault refuses expire), or no keymount runs there",
      2: "wrong usage or an unreadable configuration file",
    },
  },
  dev: {
    summary: "Runs an embedded Vault and the provider beside it, for trying things out",
    usage: "[--dir DIR] [--vault-port PORT] [--openbao] [--demo]",
    about: `Starts, in one process, an embedded Vault (in memory, no network beyond loopback) and the provider on a socket beside it,
and tells how to use them. Ends with Ctrl-C; only the contents of DIR stay.`,
    options: {
      dir: {
        value: "DIR",
        text: "for the sockets, the log and an example class: a new or empty directory, or one of an earlier run; by default a temporary one, removed at the end",
      },
      "vault-port": { value: "PORT", text: "of the embedded Vault, 0 for any; by default 8200, with --demo any" },
      openbao: { text: "answer as OpenBao 2.6.2 does instead of Vault 1.21.1" },
      demo: { text: "tell the story instead: files, a change that arrives, refusals explained; ends by itself" },
    },
    exits: { 0: "ended as asked", 1: "failed", 2: "wrong usage, or a DIR or PORT that cannot be used" },
  },
  completion: {
    summary: "Prints the completion script of a shell",
    usage: "bash|zsh|fish",
    about: `Prints a script that completes commands, options, choices and file names.

  bash   source <(keymount completion bash)           in ~/.bashrc
  zsh    source <(keymount completion zsh)            in ~/.zshrc, after compinit
  fish   keymount completion fish | source            in ~/.config/fish/config.fish`,
    operands: "bash|zsh|fish",
    options: {},
    exits: { 0: "printed", 2: "wrong usage" },
  },
  version: {
    summary: "Prints the version",
    usage: "[-o FORMAT]",
    about: "Prints keymount's version and Node's.",
    options: output,
    json: `{"version", "node"}`,
    exits: { 0: "printed", 2: "wrong usage" },
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type CommandName = keyof typeof commandTable;
