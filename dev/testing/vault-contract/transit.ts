import { beforeAll, describe, expect, test } from "vitest";
import { expectAnswer, expectRefusal } from "./ask.js";
import type { Suite, ContractContext } from "./suite.js";

const hello = Buffer.from("hello").toString("base64");
const aCiphertext = (version: number) =>
  expect.stringMatching(new RegExp(`^vault:v${version}:[A-Za-z0-9+/]+=*$`)) as string;

export const transit: Suite = (context, { answered }) => {
  describe("transit", () => {
    let vault: ContractContext;
    let ciphertext: string;
    const encrypt = (body: unknown, key = "app") => vault.root("POST", `transit/encrypt/${key}`, body);
    const decrypt = (body: unknown, key = "app") => vault.root("PUT", `transit/decrypt/${key}`, body);
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/transit", { type: "transit" });
      await vault.must("POST", "transit/keys/app", {});
      ciphertext = (await encrypt({ plaintext: hello })).json!.data["ciphertext"] as string;
    });
    const done = (data: Record<string, unknown>) => answered({ mount_type: "transit", data });

    test("encrypts and decrypts", async () => {
      const response = await encrypt({ plaintext: hello });
      expectAnswer(response, done({ ciphertext: aCiphertext(1), key_version: 1 }));
      expectAnswer(await decrypt({ ciphertext: response.json!.data["ciphertext"] }), done({ plaintext: hello }));
    });

    test("makes the key on the first encryption", async () => {
      expectAnswer(await encrypt({ plaintext: hello }, "fresh"), done({ ciphertext: aCiphertext(1), key_version: 1 }));
    });

    test("decrypts what an older version of the key encrypted", async () => {
      const old = (await encrypt({ plaintext: hello }, "rotated")).json!.data["ciphertext"];
      await vault.must("POST", "transit/keys/rotated/rotate");
      const response = await encrypt({ plaintext: hello }, "rotated");
      expectAnswer(response, done({ ciphertext: aCiphertext(2), key_version: 2 }));
      expectAnswer(await decrypt({ ciphertext: old }, "rotated"), done({ plaintext: hello }));
    });

    test("binds to associated data", async () => {
      const bound = { associated_data: hello };
      const sealed = (await encrypt({ plaintext: hello, ...bound })).json!.data["ciphertext"];
      expectAnswer(await decrypt({ ciphertext: sealed, ...bound }), done({ plaintext: hello }));
      expectRefusal(await decrypt({ ciphertext: sealed }), 400, "cipher: message authentication failed");
    });

    test.each<[string, () => Record<string, unknown>, string]>([
      ["nothing", () => ({}), "missing ciphertext to decrypt"],
      ["what has no prefix", () => ({ ciphertext: "zzz" }), "invalid ciphertext: no prefix"],
      ["bad base64", () => ({ ciphertext: "vault:v1:!!!" }), "invalid ciphertext: could not decode base64"],
      ["what is too short", () => ({ ciphertext: "vault:v1:YWJj" }), "invalid ciphertext length"],
      [
        "a version to come",
        () => ({ ciphertext: ciphertext.replace("v1", "v9") }),
        "invalid ciphertext: version is too new",
      ],
      [
        "no version",
        () => ({ ciphertext: ciphertext.replace("v1", "vx") }),
        "invalid ciphertext: version number could not be decoded",
      ],
      ["what was tampered with", () => ({ ciphertext: tampered(ciphertext) }), "cipher: message authentication failed"],
      ["an empty batch", () => ({ batch_input: [] }), "missing batch input to process"],
    ])("refuses to decrypt %s", async (_, body, error) => {
      expectRefusal(await decrypt(body()), 400, error);
    });

    test("refuses an unknown key, and a plaintext that is not base64", async () => {
      expectRefusal(await decrypt({ ciphertext }, "nope"), 400, "encryption key not found");
      expectRefusal(await encrypt({ plaintext: "!!" }), 400, "illegal base64 data at input byte 0");
      expectRefusal(await encrypt({}), 400, "missing plaintext to encrypt");
    });

    test("decrypts a batch; one bad item changes the status, not the results of the others", async () => {
      const good = { ciphertext, reference: "r1" };
      const result = { plaintext: hello, reference: "r1" };
      const failure = { error: "invalid ciphertext: no prefix", plaintext: "", reference: "" };
      expectAnswer(await decrypt({ batch_input: [good] }), done({ batch_results: [result] }));
      const batch_input = [good, { ciphertext: "bad" }];
      const data = { batch_results: [result, failure] };
      expectAnswer(await decrypt({ batch_input }), answered({ data }, 400));
      const lenient = await decrypt({ batch_input, partial_failure_response_code: 200 });
      expectAnswer(lenient, answered({ data }));
    });
  });
};

function tampered(ciphertext: string): string {
  const [prefix, version, encoded] = ciphertext.split(":") as [string, string, string];
  const bytes = Buffer.from(encoded, "base64");
  bytes[14]! ^= 1;
  return [prefix, version, bytes.toString("base64")].join(":");
}
