/** A name for each origin, by its host: as short as tells them apart. Equal origins in, equal names out. */
export function connectionNames(origins: readonly string[]): ReadonlyMap<string, string> {
  const candidates = new Map(origins.map((origin) => [origin, candidatesFor(origin)]));
  const bearers = (name: string) => [...candidates.values()].filter((names) => names.includes(name)).length;
  const named = new Map<string, string>();
  for (const [origin, names] of candidates) {
    const free = (name: string) => ![...named.values()].includes(name);
    const own = names.find((name) => bearers(name) === 1 && free(name)) ?? numbered(names.at(-1)!, free);
    named.set(origin, own);
  }
  return named;
}

/** From the host's first label to host, port, prefix and scheme. */
function candidatesFor(origin: string): string[] {
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(origin) ?? [];
  if (scheme === "unix") return [plain(rest.replace(/^.*\/|\.sock$/g, "")), plain(rest)];
  const [, host = "", port = "", prefix = ""] = /^([^/]*?)(?::(\d+))?(\/.*)?$/.exec(rest) ?? [];
  const labels = /^[\d.]+$|^\[/.test(host) ? [host] : host.split(".");
  const heads = labels.map((_, index) => labels.slice(0, index + 1).join("-"));
  const whole = [host, port].filter(Boolean).join("-");
  return [...heads, whole, `${whole}${prefix}`, `${whole}${prefix}-${scheme}`].map(plain);
}

/** What a connection's name may be (docs/configuration.md). */
function plain(text: string): string {
  return (
    text
      .replace(/[^A-Za-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 60) || "vault"
  );
}

function numbered(name: string, free: (name: string) => boolean): string {
  let number = 2;
  while (!free(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}
