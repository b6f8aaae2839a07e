import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";

const { node, app, signal } = await createFixture("volume-rotation", {
  driver: "1.6.0",
  rotationPollInterval: "500ms",
});
const names = ["first", "second", "third"];
const changes = 50;

/** What a program reads that resolves the link once, as it should; the folder may be gone meanwhile. */
async function pairIn(folder: string): Promise<string[] | undefined> {
  try {
    const data = join(folder, await readlink(join(folder, "..data")));
    return await Promise.all(names.map((name) => readFile(join(data, name), "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

test(`secrets written together are never seen apart, over ${changes} changes, by a reader that looks every 50 ms`, async () => {
  const write = async (value: number) => {
    for (const name of names) await app.vault.writeSecret(`${app.namespace}/${name}`, { password: `${value}` });
  };
  await write(0);
  const objects = names.map((objectName) => ({
    objectName,
    secretPath: `secret/data/${app.namespace}/${objectName}`,
    secretKey: "password",
    refreshInterval: "1s",
  }));
  const volume = await app.volume(node, { objects });
  await volume.publish(signal);

  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const until = AbortSignal.any([signal, ending.signal]);
  const every = async (ms: number, act: () => Promise<void>) => {
    for (; !until.aborted; await sleep(ms, undefined, { signal: until }).catch(() => undefined)) await act();
  };
  let seen: string[] = [];
  const apart: string[][] = [];
  let looks = 0;
  const reader = every(50, async () => {
    const values = await pairIn(volume.folder);
    if (!values) return;
    looks += 1;
    seen = values;
    if (new Set(values).size > 1) apart.push(values);
  });
  const kubelet = every(100, () => volume.publish(signal));
  const loops = Promise.allSettled([reader, kubelet]);

  for (let change = 1; change <= changes; change += 1) {
    // At any moment between two of the driver's Mounts, and while one reads.
    await sleep(Math.random() * 1_000, undefined, { signal });
    // Every second change is followed by another before the first can be delivered.
    if (change % 2 === 0) await write(-change);
    await write(change);
    await eventually(async () => expect(seen).toEqual(names.map(() => `${change}`)), signal);
  }
  ending.abort();
  expect((await loops).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
  expect(apart).toEqual([]);
  expect(looks).toBeGreaterThan(changes);
}, 240_000);
