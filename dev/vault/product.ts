/**
 * Whose answers are given: Vault 1.21.1's, or OpenBao 2.6.2's. What differs stands as a record by product beside the code
 * that it belongs to. OpenBao's side is what a server of that version was recorded to answer; texts that no recording has
 * in full are those of its source, whose file is named there.
 */
export type Product = "vault" | "openbao";

/** As people name them. */
export const productNames = { vault: "Vault", openbao: "OpenBao" } as const satisfies Record<Product, string>;
