/** Where what is held survives the process. */
export interface Journal {
  /** Resolves when all that is held for the owner key is in safety, or cannot be brought there. */
  persist(ownerKey: string): Promise<void>;
}
