import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { withDeadline } from "../shared/join-signals.js";

export interface ReloadRequest {
  url: URL;
  method: string;
  timeoutMs: number;
}

/** Asks a program over HTTP to load its files. Gives what was done. Throws `unavailable` for all but a 2xx. */
export async function requestReload(
  { url, method, timeoutMs }: ReloadRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  // A user, a password or a query may be secret.
  const what = `${method} ${url.origin}${url.pathname}`;
  const late = () => new ProviderError("deadline_exceeded", `${what}: no answer within ${timeoutMs / 1000} s`);
  const limited = withDeadline(signal, timeoutMs, late, clock);
  try {
    const status = await statusOf(url, method, limited.signal);
    if (status >= 200 && status < 300) return `${what} was answered with ${status}`;
    throw new ProviderError("unavailable", `${what} was answered with ${status}`);
  } catch (error) {
    limited.signal.throwIfAborted();
    if (error instanceof ProviderError) throw error;
    const { code = "no answer" } = error as NodeJS.ErrnoException;
    throw new ProviderError("unavailable", `${what} failed: ${code}`, { cause: error });
  } finally {
    limited.release();
  }
}

/** No redirect is followed, and the body is not kept. */
function statusOf(url: URL, method: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const asking = send(
      url,
      { method, signal, agent: false, headers: { "user-agent": "keymount-notify" } },
      (response) => {
        resolve(response.statusCode ?? 0);
        // The status is all that counts: what becomes of the body, which is cut off here, is no failure.
        response.on("error", () => undefined);
        response.destroy();
      },
    );
    asking.on("error", reject);
    asking.end();
  });
}
