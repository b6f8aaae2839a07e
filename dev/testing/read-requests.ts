import type { OnDenied, VaultRequest } from "../../src/mount/mount-spec.js";
import type { Answered, Fetch, FetchOptions, FetchResult, MountTransaction } from "../../src/mount/ports.js";
import { ProviderError } from "../../src/shared/errors.js";

/** What is asked with each request, as one. */
export interface ReadOptions extends FetchOptions {
  onDenied: OnDenied;
}

const never = new AbortController().signal;

/** What came of each request, in one call; static answers may be two minutes old. */
export async function answersTo(
  transaction: MountTransaction,
  requests: readonly VaultRequest[],
  { refreshIntervalMs = 120_000, onDenied = "keep", optional = false }: Partial<ReadOptions> = {},
  signal: AbortSignal = never,
): Promise<Answered[]> {
  const fetches = requests.map((request): Fetch => ({ request, options: { refreshIntervalMs, optional } }));
  const answers = await transaction.read(fetches, onDenied, signal);
  return fetches.map((fetch) => answers.get(fetch)!);
}

/** The same, for requests that are all answered; throws the first error. */
export async function readRequests(...args: Parameters<typeof answersTo>): Promise<FetchResult[]> {
  return (await answersTo(...args)).map((answer) => {
    if ("error" in answer) throw answer.error;
    return answer;
  });
}

type Answer = (request: VaultRequest, options: ReadOptions) => Promise<FetchResult> | FetchResult;

/** A transaction for tests, made of what it answers to each request; it holds nothing. */
export function transactionBy(answer: Answer, others: Partial<MountTransaction> = {}): MountTransaction {
  return {
    read: readBy(answer),
    previous: () => undefined,
    invalidate() {},
    settle: () => Promise.resolve(false),
    commit: () => ({ unchanged: false }),
    made() {},
    lend: () => () => {},
    end() {},
    ...others,
  };
}

function readBy(answer: Answer): MountTransaction["read"] {
  return async (fetches, onDenied) =>
    new Map(
      await Promise.all(
        fetches.map(async (fetch): Promise<[Fetch, Answered]> => {
          const outcome = (async () => answer(fetch.request, { ...fetch.options, onDenied }))();
          return [fetch, await outcome.catch((reason: unknown) => ({ error: ProviderError.from(reason) }))];
        }),
      ),
    );
}
