/** What happens to records in the state directory. */
export type StateEvent =
  /** A file that is no record of ours was moved to `quarantine`, or a record could not be read and stays. */
  | { kind: "recordSetAside"; file: string; because: string }
  /** Records of an earlier boot were removed: what they held ended with it, or ends by itself. */
  | { kind: "recordsOfAnotherBoot"; count: number };
