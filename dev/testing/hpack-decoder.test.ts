import { describe, expect, test } from "vitest";
import { HpackDecoder, HpackError } from "./hpack-decoder.js";
import { encodeHeaders } from "./hpack-encoder.js";

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");
const decoderOf = (tableSize: number) => new HpackDecoder({ tableSize, listSize: 65_535 });
const read = (decoder: HpackDecoder, block: string) =>
  decoder.decode(hex(block)).map(({ name, value }) => `${name}: ${value}`);

const firstRequest = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const secondRequest = [...firstRequest, "cache-control: no-cache"];
const thirdRequest = [
  ":method: GET",
  ":scheme: https",
  ":path: /index.html",
  ":authority: www.example.com",
  "custom-key: custom-value",
];
const firstResponse = [
  ":status: 302",
  "cache-control: private",
  "date: Mon, 21 Oct 2013 20:13:21 GMT",
  "location: https://www.example.com",
];
const secondResponse = [":status: 307", ...firstResponse.slice(1)];
const thirdResponse = [
  ":status: 200",
  "cache-control: private",
  "date: Mon, 21 Oct 2013 20:13:22 GMT",
  "location: https://www.example.com",
  "content-encoding: gzip",
  "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
];

describe("reads the blocks of RFC 7541 appendix C", () => {
  test.each<[string, number, [string, string[]][]]>([
    [
      "C.2.1 literal, indexed",
      4096,
      [["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", ["custom-key: custom-header"]]],
    ],
    ["C.2.2 literal, not indexed", 4096, [["040c 2f73 616d 706c 652f 7061 7468", [":path: /sample/path"]]]],
    ["C.2.3 literal, never indexed", 4096, [["1008 7061 7373 776f 7264 0673 6563 7265 74", ["password: secret"]]]],
    ["C.2.4 indexed", 4096, [["82", [":method: GET"]]]],
    [
      "C.3 requests, plain",
      4096,
      [
        ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", firstRequest],
        ["8286 84be 5808 6e6f 2d63 6163 6865", secondRequest],
        ["8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", thirdRequest],
      ],
    ],
    [
      "C.4 requests, Huffman",
      4096,
      [
        ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", firstRequest],
        ["8286 84be 5886 a8eb 1064 9cbf", secondRequest],
        ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", thirdRequest],
      ],
    ],
    [
      "C.5 responses, plain, a table that evicts",
      256,
      [
        [
          "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
          firstResponse,
        ],
        ["4803 3330 37c1 c0bf", secondResponse],
        [
          "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
          thirdResponse,
        ],
      ],
    ],
    [
      "C.6 responses, Huffman, a table that evicts",
      256,
      [
        [
          "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
          firstResponse,
        ],
        ["4883 640e ffc1 c0bf", secondResponse],
        [
          "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
          thirdResponse,
        ],
      ],
    ],
  ])("%s", (_name, tableSize, blocks) => {
    const decoder = decoderOf(tableSize);
    for (const [block, fields] of blocks) expect(read(decoder, block)).toEqual(fields);
  });
});

describe("refuses a block that no sender may send", () => {
  test.each([
    ["entry 0", "80"],
    ["an entry beyond both tables", "ff 80 01"],
    ["a number without end", "7f ff ff ff ff ff ff"],
    ["a string longer than the block", "00 0a 61"],
    ["a block that ends in a literal", "40"],
    ["Huffman padding of zeros", "00 81 00 00"],
    ["Huffman padding of a whole byte", "00 82 1f ff 00"],
    ["the end-of-string mark inside a string", "00 84 ff ff ff ff 00"],
    ["a table larger than advertised", "3f e2 1f"],
    ["a change of the table's size after a header", "82 20"],
  ])("%s", (_name, block) => {
    expect(() => read(decoderOf(4096), block)).toThrow(HpackError);
  });

  test("a few bytes that unfold to more than the bound", () => {
    const decoder = decoderOf(4096);
    decoder.decode(Buffer.concat([hex("40 01 61 7f a1 1e"), Buffer.alloc(4000, "v")]));
    expect(() => decoder.decode(Buffer.alloc(17, 0xbe))).toThrow("too many headers");
  });
});

test("a sender may empty the table, shrink it, and let it grow to what was advertised", () => {
  const decoder = decoderOf(4096);
  expect(read(decoder, "40 01 61 01 62")).toEqual(["a: b"]);
  expect(read(decoder, "be")).toEqual(["a: b"]);
  expect(read(decoder, "20 3f e1 1f 40 01 63 01 64")).toEqual(["c: d"]);
  expect(read(decoder, "be")).toEqual(["c: d"]);
  expect(() => read(decoder, "bf")).toThrow(HpackError);
});

test("what is written without tables reads the same, and leaves the table empty", () => {
  const fields = [
    { name: ":path", value: "/v1alpha1.CSIDriverProvider/Mount", neverIndexed: false },
    { name: "authorization", value: "x".repeat(20_000), neverIndexed: true },
    { name: "bytes", value: Buffer.from([0, 127, 128, 255]).toString("latin1"), neverIndexed: false },
    { name: "edges", value: "y".repeat(126) + "z", neverIndexed: false },
  ];
  const decoder = decoderOf(0);
  expect(decoder.decode(encodeHeaders(fields))).toEqual(fields);
});
